"""What the server's events say about a call."""

from __future__ import annotations

from collections import deque
from typing import Final

from duologue.audio.formats import Encoding
from duologue.events import (
    ErrorEvent,
    FunctionCallItem,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeEvent,
    RealtimeResponse,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    UnknownVariant,
    is_set,
)
from duologue.inspection.heard import HeardLane
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.session_in_force import SessionClock
from duologue.inspection.tools import ToolLane
from duologue.inspection.turns import TurnLane
from duologue.inspection.view import CallError, CallResponse, CallTurn, CallView, HeardPart

__all__ = ["ServerSide", "audio_ms"]

_COMMANDS: Final = 1024
"""Of the client, by id: an error names one that it answers within a moment."""

_REQUESTS: Final = 32
"""That are not answered: a server runs one response at a time."""

_RESPONSES: Final = 256
"""Whose deltas may still come."""


_MODALITIES: Final = (
    ("input_text", ("input_token_details", "text_tokens")),
    ("input_audio", ("input_token_details", "audio_tokens")),
    ("output_text", ("output_token_details", "text_tokens")),
    ("output_audio", ("output_token_details", "audio_tokens")),
    ("cached", ("input_token_details", "cached_tokens")),
    ("cached_text", ("input_token_details", "cached_tokens_details", "text_tokens")),
    ("cached_audio", ("input_token_details", "cached_tokens_details", "audio_tokens")),
)
"""Fields of `TokenCounts`, and where a usage has them."""


def _number_at(value: object, path: tuple[str, ...]) -> int:
    for name in path:
        value = getattr(value, name, None)
    return value if isinstance(value, int) else 0


def audio_ms(base64: str, encoding: Encoding) -> float:
    """How long audio in base64 is, without decoding it."""
    return (len(base64) * 3 // 4 - base64[-2:].count("=")) * 1000 / encoding.bytes_per_s


class ServerSide:
    """Takes the server's events."""

    def __init__(self, view: CallView, rows: Rows, turns: TurnLane, heard: HeardLane, tools: ToolLane) -> None:
        self._view = view
        self._rows = rows
        self._turns = turns
        self._heard = heard
        self._tools = tools
        self._responses: dict[str, CallResponse] = {}
        self._requests: deque[tuple[str | None, float]] = deque(maxlen=_REQUESTS)
        self._commands: dict[str, str] = {}
        self._audio_ms = 0.0

    # --- what the client sent

    def commanded(self, event_id: str, type_name: str) -> None:
        """The client sent a command with this id."""
        self._commands[event_id] = type_name
        if len(self._commands) > _COMMANDS:
            del self._commands[next(iter(self._commands))]

    def requested(self, event_id: str | None, at_s: float) -> None:
        """The client asked for a response."""
        self._requests.append((event_id, at_s))

    def first_heard(self, row: HeardPart) -> None:
        """A part is heard now, by the player's word."""
        turn = self._turn_of(row.response_id)
        if turn is not None and (turn.first_audio_s is None or turn.first_audio_s >= row.first_arrived_s):
            turn.first_heard_s = row.first_heard_s
            self._rows.touch(turn)

    # --- what the server sent

    def take(self, event: RealtimeEvent, at_s: float, session: SessionClock) -> None:
        """Take an event that the server sent."""
        match event:
            case ResponseAudioDeltaEvent():
                self._audio(event, at_s, session)
            case (
                ResponseTextDeltaEvent(response_id=response_id)
                | ResponseAudioTranscriptDeltaEvent(response_id=response_id)
            ):
                self._text(response_id, at_s)
            case InputAudioBufferSpeechStartedEvent(item_id=item_id, audio_start_ms=start_ms):
                self._heard.user_spoke(at_s, interrupts=session.settings.interrupts)
                self._turns.speech_started(item_id, start_ms, at_s)
            case InputAudioBufferSpeechStoppedEvent(item_id=item_id, audio_end_ms=end_ms):
                self._turns.speech_stopped(item_id, end_ms, at_s, session.settings, session.clock)
            case InputAudioBufferCommittedEvent(item_id=item_id):
                self._turns.committed(item_id, at_s)
            case InputAudioTranscriptionCompletedEvent(item_id=item_id, transcript=text):
                self._turns.transcribed(item_id, text, at_s)
            case ResponseCreatedEvent(response=response):
                self._created(response, at_s)
            case ResponseFunctionCallArgumentsDoneEvent(response_id=response_id, call_id=call_id, arguments=arguments):
                name = event.name if is_set(event.name) else None
                self._tools.asked(call_id, name, arguments, self._number_of(response_id), at_s)
            case ResponseOutputItemDoneEvent(response_id=response_id, item=FunctionCallItem() as call):
                if is_set(call.call_id):
                    self._tools.asked(call.call_id, call.name, call.arguments, self._number_of(response_id), at_s)
            case ResponseDoneEvent(response=response):
                self._done(response, at_s)
            case ErrorEvent():
                self._error(event, at_s)
            case SessionCreatedEvent(session=told) | SessionUpdatedEvent(session=told):
                session.use(told)
                if isinstance(event, SessionCreatedEvent):
                    session.clock.restart()
                if not isinstance(told, UnknownVariant) and is_set(told.id):
                    self._view.session_id = told.id
            case _:
                pass  # it repeats what others say

    def _audio(self, event: ResponseAudioDeltaEvent, at_s: float, session: SessionClock) -> None:
        duration_ms = audio_ms(event.delta, session.settings.output)
        self._audio_ms += duration_ms
        self._view.model_audio_ms = round(self._audio_ms)
        response = self._responses.get(event.response_id)
        number = response.turn if response is not None else 0
        key = (event.item_id, event.content_index)
        row = self._heard.arrived(key, event.response_id, number, duration_ms, at_s)
        if response is not None and response.first_audio_s is None:
            response.first_audio_s = at_s
            self._rows.touch(response)
            turn = self._turns.numbered(number)
            if turn is not None and turn.first_audio_s is None:
                turn.first_audio_s, turn.first_heard_s = at_s, row.first_heard_s
                self._rows.touch(turn)

    def _text(self, response_id: str, at_s: float) -> None:
        response = self._responses.get(response_id)
        if response is not None and response.first_text_s is None:
            response.first_text_s = at_s
            self._rows.touch(response)
            turn = self._turns.numbered(response.turn)
            if turn is not None and turn.first_text_s is None:
                turn.first_text_s = at_s
                self._rows.touch(turn)

    def _created(self, response: RealtimeResponse, at_s: float) -> None:
        response_id = response.id if is_set(response.id) else ""
        turn = self._turns.answered()
        requested_s = self._requests.popleft()[1] if self._requests else None
        row = CallResponse(response_id=response_id, turn=turn.number, requested_s=requested_s, created_s=at_s)
        self._responses[response_id] = self._rows.add("responses", row)
        turn.response_ids.append(response_id)
        self._rows.touch(turn)
        if len(self._responses) > _RESPONSES:
            del self._responses[next(iter(self._responses))]

    def _done(self, response: RealtimeResponse, at_s: float) -> None:
        row = self._responses.get(response.id if is_set(response.id) else "")
        if row is None:
            return
        row.done_s, row.status = at_s, response.status if is_set(response.status) else None
        details = response.status_details if is_set(response.status_details) else None
        reason = getattr(details, "reason", None)
        row.reason = reason if isinstance(reason, str) else None
        row.text = shortened(response.text) or None
        if is_set(response.usage) and response.usage is not None:
            self._count_tokens(row, response)
        self._rows.touch(row)
        turn = self._turns.numbered(row.turn)
        if turn is not None:
            turn.done_s, turn.status = at_s, row.status
            if row.text:
                turn.answer_text = shortened(f"{turn.answer_text or ''} {row.text}".strip())
            self._rows.touch(turn)

    def _count_tokens(self, row: CallResponse, response: RealtimeResponse) -> None:
        usage, totals = response.usage, self._view.tokens
        counted = [getattr(usage, name, None) for name in ("input_tokens", "output_tokens", "total_tokens")]
        known = [each if isinstance(each, int) else 0 for each in counted]
        for field, path in _MODALITIES:
            setattr(totals, field, getattr(totals, field) + _number_at(usage, path))
        row.tokens = known[2] or None
        totals.input, totals.output, totals.total = (
            totals.input + known[0],
            totals.output + known[1],
            totals.total + known[2],
        )

    def _error(self, event: ErrorEvent, at_s: float) -> None:
        answered = event.error.event_id if is_set(event.error.event_id) else None
        code = event.error.code if is_set(event.error.code) else None
        self._rows.add(
            "errors",
            CallError(
                at_s=at_s,
                code=code if isinstance(code, str) else None,
                message=shortened(event.error.message),
                answers=self._commands.get(answered) if answered is not None else None,
            ),
        )
        if answered is not None:  # the request that it rejects gets no response
            kept = [each for each in self._requests if each[0] != answered]
            self._requests = deque(kept, maxlen=_REQUESTS)

    def _number_of(self, response_id: str) -> int:
        response = self._responses.get(response_id)
        return response.turn if response is not None else 0

    def _turn_of(self, response_id: str) -> CallTurn | None:
        return self._turns.numbered(self._number_of(response_id))
