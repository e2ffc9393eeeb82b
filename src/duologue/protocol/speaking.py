"""The server's voice: which responses there are, and when each may run.

One response at a time writes to the conversation; any number may run beside it out of band.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from duologue.events import (
    ConversationItem,
    InputAudioPart,
    ItemReference,
    MessageItem,
    RealtimeSession,
    ResponseAudioOutput,
    ResponseCreateParams,
    is_set,
)
from duologue.events.base import Maybe
from duologue.protocol.checks import check_ranges
from duologue.protocol.client_items import entry_of
from duologue.protocol.commands import Respond, StopResponse
from duologue.protocol.conversation import Conversation, Entry
from duologue.protocol.listening import Listening
from duologue.protocol.outgoing import Outgoing
from duologue.protocol.refusals import Refusal
from duologue.protocol.response import Response, ResponseSettings
from duologue.protocol.session import Session, encoding_of, token_limit, voice_name
from duologue.protocol.tables import ResponseInput, ResponseState
from duologue.protocol.usage import text_tokens

__all__ = ["Speaking"]


T = TypeVar("T")


class Speaking:
    """Creates, runs, cancels and ends responses."""

    def __init__(self, session: Session, conversation: Conversation, listening: Listening, outgoing: Outgoing) -> None:
        self._session = session
        self._conversation = conversation
        self._listening = listening
        self._out = outgoing
        self._running: dict[str, Response] = {}
        self._owed = False
        self._created = 0

    @property
    def active(self) -> Response | None:
        """The response that writes to the conversation now."""
        return next((response for response in self._running.values() if response.settings.in_conversation), None)

    def create(self, params: ResponseCreateParams | None) -> None:
        """Start a response, as the client asked. Raises Refusal."""
        params = params or ResponseCreateParams()
        check_ranges(params, "response", output_rates_hz=self._session.output_rates_hz)
        settings = self._settings(params)
        if settings.in_conversation and (active := self.active) is not None:
            raise Refusal("response_active", response_id=active.response_id)
        response = Response(self._out.new_id("resp"), settings, self._conversation, new_id=self._out.new_id)
        self._running[response.response_id] = response
        self._out.send_all(response.created())
        self._created += 1
        for entry in settings.context:
            if _is_speech(entry):
                self._listening.transcribe(entry)
        self.context_changed()

    def answer_turn(self) -> None:
        """Start a response to the user's turn; if one is still running, as soon as it has ended."""
        if self.active is None:
            self.create(None)
        else:
            self._owed = True

    def context_changed(self) -> None:
        """A transcript came in: start every response that was waiting for it and no other."""
        for response in list(self._running.values()):
            entries = response.settings.context
            if response.state is ResponseState.WAITING and not any(
                _is_speech(entry) and entry.heard is None for entry in entries
            ):
                response.begin(tuple(entry.understood() for entry in entries))
                self._out.command(self._respond(response))

    def cancel(self, response_id: str | None, *, reason: str) -> None:
        """Stop a response: the one named, or the active one. Raises Refusal if it is not running."""
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            raise Refusal("no_response_active")
        if reason == "turn_detected":
            # What the user says now is answered when the turn ends, together with the turn before.
            self._owed = False
        self._end(response, ResponseInput.CANCELLED, reason=reason)
        self._out.command(StopResponse(response.response_id))

    # --- reports

    def add_text(self, response_id: str, delta: str) -> None:
        """The responder said more."""
        response = self._at_work(response_id)
        if response is None:
            return
        self._out.send_all(response.add_text(delta))
        limit = response.settings.max_output_tokens
        if limit is not None and text_tokens(response.text) >= limit:
            self._end(response, ResponseInput.TOKENS_SPENT, reason="max_output_tokens")
            self._out.command(StopResponse(response_id))

    def add_audio(self, response_id: str, audio: bytes) -> None:
        """The synthesizer spoke more, in the response's encoding."""
        response = self._at_work(response_id)
        if response is not None:
            self._out.send_all(response.add_audio(audio))

    def finish(self, response_id: str) -> None:
        """All of a response is made."""
        if (response := self._at_work(response_id)) is not None:
            self._end(response, ResponseInput.FINISHED)

    def fail(self, response_id: str, fault: str) -> None:
        """An engine failed at a response."""
        if (response := self._at_work(response_id)) is not None:
            self._end(response, ResponseInput.FAILED, fault=fault)

    def _at_work(self, response_id: str) -> Response | None:
        """The response, if engines were asked for it and it has not ended: other reports are stale."""
        response = self._running.get(response_id)
        return response if response is not None and response.state is ResponseState.RUNNING else None

    def _end(
        self, response: Response, happened: ResponseInput, *, reason: str | None = None, fault: str | None = None
    ) -> None:
        self._out.send_all(response.end(happened, reason=reason, fault=fault))
        del self._running[response.response_id]
        if self._owed and self.active is None:
            self._owed = False
            self.create(None)

    # --- what a response is made with

    def _settings(self, params: ResponseCreateParams) -> ResponseSettings:
        session: RealtimeSession = self._session.wire
        modalities = _wanted_or_standard(params.output_modalities, session.output_modalities)
        wanted = params.audio.output if is_set(params.audio) and is_set(params.audio.output) else ResponseAudioOutput()
        standard = self._session.output
        output = ResponseAudioOutput(
            format=_wanted_or_standard(wanted.format, standard.format),
            voice=_wanted_or_standard(wanted.voice, standard.voice),
        )
        instructions = _wanted_or_standard(params.instructions, session.instructions)
        return ResponseSettings(
            speak=modalities == ["audio"],
            encoding=encoding_of(output),
            format=output,
            voice=voice_name(output.voice),
            speed=float(standard.speed) if is_set(standard.speed) else 1.0,
            instructions=instructions if is_set(instructions) else "",
            max_output_tokens=token_limit(_wanted_or_standard(params.max_output_tokens, session.max_output_tokens)),
            metadata=params.metadata if is_set(params.metadata) else None,
            in_conversation=params.conversation != "none",
            context=self._context(params),
        )

    def _context(self, params: ResponseCreateParams) -> tuple[Entry, ...]:
        if not is_set(params.input):
            return tuple(self._conversation)
        encoding = encoding_of(self._session.input)
        entries: list[Entry] = []
        for index, item in enumerate(params.input):
            if isinstance(item, ItemReference):
                entry = self._conversation.get(item.id)
                if entry is None:
                    raise Refusal("previous_unknown", param=f"response.input[{index}].id", item_id=item.id)
                entries.append(entry)
            else:
                # An id of its own: the client's may be that of an item of the conversation.
                item = msgspec.structs.replace(item, id=self._out.new_id("item"))
                entries.append(entry_of(item, f"response.input[{index}]", encoding=encoding, new_id=self._out.new_id))
        return tuple(entries)

    def _respond(self, response: Response) -> Respond:
        settings = response.settings
        model = self._session.wire.model
        return Respond(
            response_id=response.response_id,
            context=response.context,
            instructions=settings.instructions,
            model=model if is_set(model) else "",
            max_output_tokens=settings.max_output_tokens,
            speak=settings.speak,
            encoding=settings.encoding,
            voice=settings.voice,
            speed=settings.speed,
            turn=self._created - 1,
        )


def _wanted_or_standard(wanted: Maybe[T], standard: Maybe[T]) -> Maybe[T]:
    """What a response asks for, else what the session has."""
    return wanted if is_set(wanted) else standard


def _is_speech(entry: Entry) -> bool:
    """Whether the entry is a user's speech, which a responder cannot read before it is transcribed."""
    item: ConversationItem = entry.item
    return (
        bool(entry.audio)
        and isinstance(item, MessageItem)
        and any(isinstance(part, InputAudioPart) for part in item.content)
    )
