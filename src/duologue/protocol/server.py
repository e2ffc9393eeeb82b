"""The server's side of one session.

In go the client's messages, and reports of the work that was asked for; out come events for the client and commands
for the shell. Nothing here waits, reads a clock or computes on audio.

    connect · receive · tick                                             what the shell sees
    heard · detection_failed                                             what the engines report
    transcript_delta · transcribed · transcription_failed
    response_text · response_audio · response_finished · response_failed
    take_events · take_commands                                          what the shell collects after each of these

A report about something that has ended meanwhile is stale, and ignored. Receiving never raises: what cannot be
carried out is answered with an `error` event, and the session goes on as if it had not come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from duologue.codec import EVENT_CLASSES, decode
from duologue.codec.problems import read_problem
from duologue.errors import DecodeError
from duologue.events import (
    AnyClientEvent,
    ClientEvent,
    ConversationItemAddedEvent,
    ConversationItemCreateEvent,
    ConversationItemDeletedEvent,
    ConversationItemDeleteEvent,
    ConversationItemDoneEvent,
    ConversationItemRetrievedEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    MessageItem,
    OutputAudioPart,
    RealtimeError,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.checks import check_known
from duologue.protocol.client_items import audio_of, entry_of
from duologue.protocol.commands import Close
from duologue.protocol.conversation import Conversation
from duologue.protocol.listening import Listening
from duologue.protocol.outgoing import Outgoing
from duologue.protocol.refusals import Refusal
from duologue.protocol.session import Session, SessionDefaults, encoding_of
from duologue.protocol.speaking import Speaking
from duologue.protocol.turns import SpeechStarted

__all__ = ["ServerProtocol"]

_ACCEPTED = (
    SessionUpdateEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferClearEvent,
    ConversationItemCreateEvent,
    ConversationItemTruncateEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ResponseCreateEvent,
    ResponseCancelEvent,
)
"""Client events that a WebSocket session takes; `output_audio_buffer.clear` belongs to WebRTC and SIP."""


class ServerProtocol:
    """One session, seen from the server.

    `new_id` makes an id for a kind of thing ("sess", "conv", "item", "resp", "event"); `now` is any clock in
    seconds that does not go backwards, the same one in every call. `started_at` is the Unix time of the start.
    """

    def __init__(
        self,
        defaults: SessionDefaults | None = None,
        *,
        new_id: Callable[[str], str],
        now: float,
        started_at: float,
    ) -> None:
        defaults = defaults or SessionDefaults()
        self._out = Outgoing(new_id)
        self._ends_at: float = now + defaults.duration_s
        self._duration_s = defaults.duration_s
        self.session = Session(new_id("sess"), defaults, expires_at=int(started_at) + defaults.duration_s)
        self.conversation = Conversation(new_id("conv"))
        self._listening = Listening(self.session, self.conversation, self._out)
        self._speaking = Speaking(self.session, self.conversation, self._listening, self._out)
        self.take_events = self._out.take_events
        self.take_commands = self._out.take_commands

    # --- what the shell sees

    def connect(self) -> None:
        """The client is there: greet it."""
        self._out.send(SessionCreatedEvent(event_id=self._out.event_id(), session=self.session.wire))

    @property
    def input_ms(self) -> int:
        """Length of all input audio that came in the present format."""
        return self._listening.input_ms

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once there is nothing to wait for."""
        return self._ends_at

    def tick(self, now: float) -> None:
        """Time has passed: end the session if it has lasted for as long as it may."""
        if now >= self._ends_at:
            self._ends_at = inf
            refusal = Refusal("expired", minutes=self._duration_s // 60)
            self._out.send(refusal.event(self._out.event_id(), answers=None))
            self._out.command(Close(1001, refusal.message))

    def receive(self, message: str | bytes) -> None:
        """A message from the client, text or binary."""
        event: RealtimeEvent | None = None
        try:
            if isinstance(message, bytes):
                raise Refusal("binary")
            try:
                event = decode(message)
            except DecodeError as fault:
                raise Refusal("not_json", reason=fault.reason) from fault
            self._carry_out(self._accepted(event))
        except Refusal as refusal:
            answers = event.event_id if event is not None and isinstance(event.event_id, str) else None
            self._out.send(refusal.event(self._out.event_id(), answers=answers))

    # --- what the engines report

    def heard(self, probabilities: Sequence[float], frame_ms: float) -> None:
        """Answers `Detect`: speech probabilities of the frames that the audio completed."""
        for turn in self._listening.heard(probabilities, frame_ms):
            settings = self.session.turn_settings
            if isinstance(turn, SpeechStarted):
                if settings and settings.interrupt_response and self._speaking.active:
                    self._speaking.cancel(None, reason="turn_detected")
            elif settings and settings.create_response:
                self._speaking.answer_turn()

    def detection_failed(self, fault: str) -> None:
        """Answers `Detect`: the session is deaf from now on, so it ends; `fault` is told to the client."""
        error = RealtimeError(type="server_error", code="engine_failed", message=fault, param=None, event_id=None)
        self._out.send(ErrorEvent(event_id=self._out.event_id(), error=error))
        self._out.command(Close(1011, fault))

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """Answers `Transcribe`: the next piece of the transcript."""
        self._listening.transcript_delta(item_id, delta)

    def transcribed(self, item_id: str, transcript: str) -> None:
        """Answers `Transcribe`: the whole transcript."""
        self._listening.transcribed(item_id, transcript)
        self._speaking.context_changed()

    def transcription_failed(self, item_id: str, fault: str) -> None:
        """Answers `Transcribe`: there will be no transcript."""
        self._listening.transcription_failed(item_id, fault)
        self._speaking.context_changed()

    def response_text(self, response_id: str, delta: str) -> None:
        """Answers `Respond`: the next piece of the answer's text."""
        self._speaking.add_text(response_id, delta)

    def response_audio(self, response_id: str, audio: bytes) -> None:
        """Answers `Respond`: the next piece of the answer's speech, in the command's encoding."""
        self._speaking.add_audio(response_id, audio)

    def response_finished(self, response_id: str) -> None:
        """Answers `Respond`: that was all."""
        self._speaking.finish(response_id)

    def response_failed(self, response_id: str, fault: str) -> None:
        """Answers `Respond`: an engine failed; `fault` is told to the client."""
        self._speaking.fail(response_id, fault)

    # --- client events

    def _accepted(self, event: RealtimeEvent) -> AnyClientEvent:
        """The event, if it is one that this session takes and understands to the last field. Raises Refusal."""
        supported = ", ".join(f"'{cls.type}'" for cls in _ACCEPTED)
        if isinstance(event, UnknownRealtimeEvent):
            cls = EVENT_CLASSES.get(event.type or "")
            if event.type is None:
                raise Refusal("missing", param="type")
            if cls is None or not issubclass(cls, _ACCEPTED):
                raise Refusal("unknown_type", param="type", value=event.type, supported=supported)
            problem = read_problem(event.problem)
            if problem.missing:
                raise Refusal("missing", param=problem.path)
            raise Refusal("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
        if not isinstance(event, _ACCEPTED):
            raise Refusal("unknown_type", param="type", value=event.type, supported=supported)
        check_known(event)
        return event

    def _carry_out(self, event: ClientEvent) -> None:
        match event:
            case InputAudioBufferAppendEvent():
                self._listening.append(audio_of(event.audio, "audio"))
            case InputAudioBufferCommitEvent():
                self._listening.commit()
            case InputAudioBufferClearEvent():
                self._listening.clear()
            case SessionUpdateEvent():
                self.session.update(event, voice_in_use=self.conversation.has_assistant_audio())
                self._listening.session_updated()
                self._out.send(SessionUpdatedEvent(event_id=self._out.event_id(), session=self.session.wire))
            case ConversationItemCreateEvent():
                self._create_item(event)
            case ConversationItemRetrieveEvent():
                self._retrieve_item(event)
            case ConversationItemTruncateEvent():
                self._truncate_item(event)
            case ConversationItemDeleteEvent():
                self._delete_item(event)
            case ResponseCreateEvent():
                self._speaking.create(event.response if is_set(event.response) else None)
            case ResponseCancelEvent():
                response_id = event.response_id if is_set(event.response_id) else None
                self._speaking.cancel(response_id, reason="client_cancelled")
            case _:  # pragma: no cover - _accepted lets nothing else through
                raise AssertionError(event)

    def _create_item(self, event: ConversationItemCreateEvent) -> None:
        item = event.item
        if isinstance(item, MessageItem):
            for index, part in enumerate(item.content):
                if isinstance(part, OutputAudioPart):
                    param = f"item.content[{index}].type"
                    raise Refusal("wrong_value", param=param, reason="assistant audio cannot be created")
        entry = entry_of(item, "item", encoding=encoding_of(self.session.input), new_id=self._out.new_id)
        if self._listening.claims(entry.item_id):
            raise Refusal("item_exists", param="item.id", item_id=entry.item_id)
        self.conversation.insert(entry, after=event.previous_item_id if is_set(event.previous_item_id) else None)
        item, previous_item_id = entry.item, self.conversation.predecessor_id(entry.item_id)
        self._out.send(
            ConversationItemAddedEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
            ConversationItemDoneEvent(event_id=self._out.event_id(), previous_item_id=previous_item_id, item=item),
        )
        if entry.audio and self.session.transcription is not None:
            self._listening.transcribe(entry)

    def _retrieve_item(self, event: ConversationItemRetrieveEvent) -> None:
        entry = self.conversation.get(event.item_id)
        if entry is None:
            raise Refusal("retrieve_unknown", param="item_id", item_id=event.item_id)
        self._out.send(ConversationItemRetrievedEvent(event_id=self._out.event_id(), item=entry.with_audio()))

    def _truncate_item(self, event: ConversationItemTruncateEvent) -> None:
        if event.content_index != 0:
            reason = f"speech is always part 0, not {event.content_index}"
            raise Refusal("wrong_value", param="content_index", reason=reason)
        if event.audio_end_ms < 0:
            reason = f"expected 0 or more, but got {event.audio_end_ms}"
            raise Refusal("wrong_value", param="audio_end_ms", reason=reason)
        self.conversation.truncate(event.item_id, event.audio_end_ms)
        self._out.send(
            ConversationItemTruncatedEvent(
                event_id=self._out.event_id(),
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _delete_item(self, event: ConversationItemDeleteEvent) -> None:
        if self.conversation.remove(event.item_id) is None:
            raise Refusal("delete_unknown", param="item_id", item_id=event.item_id)
        self._out.send(ConversationItemDeletedEvent(event_id=self._out.event_id(), item_id=event.item_id))
