"""A session whose client hears and speaks over a line of its own, as over WebRTC. The session knows nothing of it.

    from_session · from_client         messages of the session, of the client and of its sidebands
    heard                              the client's sound
    take_frames · next_due_at          sound for the client, when it is due
    take_messages · take_commands      the shell collects these after each call: for the client, and for the session

Speech in the session's messages becomes frames. `output_audio_buffer.*` is made here, and so is the truncation of what
the user did not hear. `now` is a monotonic clock in seconds, the same one in every call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, assert_never

from duologue.codec import decode, encode
from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError
from duologue.events import (
    AnyEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioBufferSpeechStartedEvent,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferClearEvent,
    OutputAudioBufferStartedEvent,
    OutputAudioBufferStoppedEvent,
    RealtimeError,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    is_set,
)
from duologue.protocol.client.response_ids import response_id_of
from duologue.protocol.media.message_sizes import fitting
from duologue.protocol.media.playout import Began, Cleared, Playout, Stopped, Truncated
from duologue.protocol.media.session_sound import SessionSound, read_event, response_encoding, sound_of
from duologue.protocol.media.uplink import Uplink
from duologue.protocol.states import ReportIllegal, raise_illegal

__all__ = ["MediaLine"]

_CLEAR: Final = "output_audio_buffer.clear"
_MAX_CLEAR_CHARS: Final = 1024
"""It has a type and an id. A longer message is not read here: the session checks first what reading would cost."""

_UPDATE: Final = re.compile(r'"type"\s*:\s*"(?:transcription_)?session\.update"')
"""In the text of an item the quotes are escaped: to speak of such an event is not to send one."""

_MAX_TRUNCATES: Final = 64
"""Own ones whose answers are known. They come in the order of the commands, so that more never wait."""


class MediaLine:
    """The line of one session."""

    def __init__(self, *, new_id: Callable[[str], str], report_illegal: ReportIllegal = raise_illegal) -> None:
        """`new_id` makes an id for a kind of object."""
        self._new_id = new_id
        self._sound = SessionSound()
        self._playout = Playout(report_illegal=report_illegal)
        self._uplink = Uplink()
        self._session_text: str | None = None
        self._truncates: dict[str, None] = {}
        """Ids of own commands: errors that answer them are not the client's."""
        self._messages: list[str] = []
        self._commands: list[str | bytes] = []

    # --- what goes in

    def from_session(self, text: str, *, now: float) -> None:
        """A message of the session. Speech becomes frames; everything else is for the client."""
        try:
            event = read_event(text)
        except DecodeError:
            self._messages.append(text)
            return
        if isinstance(event, ErrorEvent):
            self._error(event, text)
            return
        if type(event) is not ResponseAudioDeltaEvent:
            self._messages.append(text)
        match event:
            case ResponseAudioDeltaEvent():
                self._speech(event, now)
            case ResponseAudioDoneEvent():
                self._playout.part_over(event.response_id, now=now)
            case ResponseCreatedEvent():
                self._response_created(event, now)
            case ResponseDoneEvent():
                self._playout.done(response_id_of(event.response), now=now)
            case InputAudioBufferSpeechStartedEvent() if self._sound.interrupts:
                self._playout.cut(now=now)
            case SessionCreatedEvent() | SessionUpdatedEvent():
                self._settings(event, text)
                return
            case _:
                return
        self._tell()

    def from_client(self, text: str, *, now: float) -> None:
        """A message of the client, or of a sideband. All but `output_audio_buffer.clear` is for the session."""
        if len(text) <= _MAX_CLEAR_CHARS and _CLEAR in text and isinstance(_read(text), OutputAudioBufferClearEvent):
            self._playout.cut(now=now)
            self._tell()
            return
        self._commands.append(text)
        if _UPDATE.search(text):
            self._uplink.hold()

    def heard(self, pcm: bytes, *, now: float) -> None:
        """More of the client's sound, 24 kHz mono PCM16: 20 ms, or a multiple."""
        self._commands += self._uplink.heard(pcm)

    # --- what comes out

    @property
    def next_due_at(self) -> float:
        """When `take_frames` has the next frame; infinity while there is nothing to play."""
        return self._playout.next_due_at

    @property
    def playing(self) -> bool:
        """Whether a response is being played, or waits for it."""
        return self._playout.playing

    @property
    def waiting_ms(self) -> int:
        """How much speech is still to be played."""
        return self._playout.waiting_ms

    def take_frames(self, now: float) -> list[bytes]:
        """The frames that are due: 20 ms each, 24 kHz mono PCM16. None in silence, but for 10 s behind speech."""
        frames = self._playout.take(now)
        if frames:
            self._tell()
        return frames

    def take_messages(self) -> list[str]:
        """Messages for the client and for its sidebands, in order; `fitting` makes them fit for the client."""
        taken, self._messages = self._messages, []
        return taken

    def fitting(self, message: str, max_bytes: int) -> str:
        """The message for a client that takes `max_bytes` at once; in place of a longer one an `error` that says so."""
        return fitting(message, max_bytes, new_id=self._new_id)

    def take_commands(self) -> list[str | bytes]:
        """Messages for the session, in order; bytes are the client's sound, in the session's input format."""
        taken, self._commands = self._commands, []
        return taken

    def session_text(self) -> str | None:
        """`session.created` with the session as it is now, for the beginning of a sideband; None: there is none yet."""
        if self._session_text is None:
            return None
        frame = parse_object(self._session_text)
        frame |= {"type": "session.created", "event_id": self._new_id("event")}
        return write_text(frame).decode()

    # --- the session's messages

    def _settings(self, event: SessionCreatedEvent | SessionUpdatedEvent, text: str) -> None:
        self._session_text = text
        self._sound = sound_of(event.session, self._sound)
        self._playout.encoding = self._sound.output
        self._commands += self._uplink.release(self._sound.input)

    def _error(self, event: ErrorEvent, text: str) -> None:
        if not self._answers_truncate(event.error):
            self._messages.append(text)
        self._commands += self._uplink.release(self._sound.input)

    def _answers_truncate(self, error: RealtimeError) -> bool:
        if is_set(error.event_id):
            return error.event_id in self._truncates
        # Servers behind a relay may not say which event they answer, and may have no such command.
        return bool(self._truncates) and "truncate" in f"{error.message} {error.param}"

    def _response_created(self, event: ResponseCreatedEvent, now: float) -> None:
        self._playout.created(
            response_id_of(event.response),
            response_encoding(event),
            in_conversation=event.response.conversation_id is not None,
            now=now,
        )

    def _speech(self, event: ResponseAudioDeltaEvent, now: float) -> None:
        try:
            audio = event.decode_audio()
        except ValueError as fault:
            message = f"Speech of response '{event.response_id}' was not played: {fault}."
            error = RealtimeError(type="server_error", code="invalid_audio", message=message, param=None, event_id=None)
            self._send(ErrorEvent(event_id=self._new_id("event"), error=error))
            return
        self._playout.speech(event.response_id, event.item_id, event.content_index, audio, now=now)

    # --- what has been played

    def _tell(self) -> None:
        for happened in self._playout.take_occurrences():
            match happened:
                case Began(response_id=response_id):
                    self._send(OutputAudioBufferStartedEvent(event_id=self._new_id("event"), response_id=response_id))
                case Stopped(response_id=response_id):
                    self._send(OutputAudioBufferStoppedEvent(event_id=self._new_id("event"), response_id=response_id))
                case Cleared(response_id=response_id):
                    self._send(OutputAudioBufferClearedEvent(event_id=self._new_id("event"), response_id=response_id))
                case Truncated():
                    self._truncate(happened)
                case _:
                    assert_never(happened)

    def _send(self, event: RealtimeEvent) -> None:
        self._messages.append(encode(event).decode())

    def _truncate(self, cut: Truncated) -> None:
        event_id = self._new_id("event")
        self._truncates[event_id] = None
        if len(self._truncates) > _MAX_TRUNCATES:
            del self._truncates[next(iter(self._truncates))]
        command = ConversationItemTruncateEvent(
            event_id=event_id,
            item_id=cut.item_id,
            content_index=cut.content_index,
            audio_end_ms=cut.audio_end_ms,
        )
        self._commands.append(encode(command).decode())


def _read(text: str) -> AnyEvent | None:
    try:
        return decode(text)
    except DecodeError:
        return None
