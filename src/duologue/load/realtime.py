"""How a caller listens in a Realtime session: the server detects turns, and speech comes before it is heard."""

from __future__ import annotations

from typing import Any, Final

from duologue.client.dialect_detection import DialectDetector
from duologue.client.event_reader import MessageReader
from duologue.errors import DecodeError
from duologue.events import (
    ErrorEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeResponse,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    is_set,
)
from duologue.inspection.server_events import audio_ms
from duologue.inspection.session_in_force import SessionInForce
from duologue.load.caller import Caller, MeasuredTurn

__all__ = ["RealtimeCaller"]

_JITTER_S: Final = 0.02
"""What a player has in hand: it writes 20 ms at once."""

_REMEMBERED: Final = 8
"""Turns whose transcript may still come."""

_MS: Final = 1000


class RealtimeCaller(Caller):
    """One call."""

    def __init__(
        self, *arguments: Any, dialect: str, detector: DialectDetector, update: bytes | None, **options: Any
    ) -> None:
        """`update` is the frame that configures the session, if one does. The rest is as `Caller` has it."""
        super().__init__(*arguments, **options)
        self._dialect = dialect
        self._detector = detector
        self._reader = MessageReader(detector, warns=False)  # the session that was asked before has said it
        self._update = update
        self._session = SessionInForce()
        self._heard_until = 0.0
        """When the speech that has come is over."""
        self._response: str | None = None
        """The response whose speech is heard."""
        self._is_done = True
        """Whether no more of it comes."""
        self._cut: set[str] = set()
        """Responses that the user has interrupted: what still comes of them is not played."""
        self._transcribed: list[MeasuredTurn] = []

    def is_audible(self, now: float) -> bool:
        """Whether the model is heard."""
        return now < self._heard_until

    def passed(self, now: float) -> None:
        """Time has passed: the answer may be over."""
        turn = self.turn
        if turn is None or now < self._heard_until:
            return
        if turn.interrupts and not turn.is_heard:
            turn.interrupts = False  # the answer was over before the server noticed
            self.samples.unheard_barge_ins += self.window.is_open
        if turn.sounded_at is not None and not self.speaks_next and (self._is_done or self._is_stuck(now)):
            self.next_turn(now)

    def _is_stuck(self, now: float) -> bool:
        """Whether an answer that has begun never ends."""
        if now < self._heard_until + self.answer_within_s:
            return False
        self.count_error("an answer does not end")
        self._is_done = True
        return True

    def message(self, message: bytes, now: float) -> None:
        """Take a message of the server."""
        if not self._detector.is_settled:
            self._detector.observe(message)
        try:
            event = self._reader.read(message, dialect=self._dialect)
        except DecodeError:
            self.count_error("a message is no JSON object")
            return
        match event:
            case ResponseAudioDeltaEvent():
                self._sound(event, now)
            case InputAudioBufferSpeechStartedEvent(item_id=item_id):
                self._user_heard(item_id, now)
            case InputAudioBufferCommittedEvent(item_id=item_id):
                if self.turn is not None and self.turn.item_id is None:
                    self._remember(self.turn, item_id)
            case InputAudioTranscriptionCompletedEvent(item_id=item_id):
                self._written(item_id, now)
            case ResponseCreatedEvent(response=response):
                self._response, self._is_done = _id_of(response), False
            case ResponseDoneEvent(response=response):
                self._done(response)
            case ResponseAudioDoneEvent() if self._response is None:
                self._is_done = True  # a dialect without responses
            case ErrorEvent(error=error):
                self.count_error(str(error.code) if is_set(error.code) and error.code else error.type)
                self.ready(now)  # it answers the configuration: the session stays as it was
            case SessionCreatedEvent() | SessionUpdatedEvent():
                self._told(event, now)
            case _:
                pass  # it repeats what others say

    def _told(self, event: SessionCreatedEvent | SessionUpdatedEvent, now: float) -> None:
        self._session = SessionInForce.of(event.session)
        if isinstance(event, SessionCreatedEvent) and self._update is not None:
            self.send(self._update)
        else:
            self.ready(now)

    def _sound(self, event: ResponseAudioDeltaEvent, now: float) -> None:
        turn = self.turn
        if event.response_id in self._cut:
            return
        duration_s = audio_ms(event.delta, self._session.output) / _MS
        is_answer = turn is not None and now >= turn.ended_at and (turn.is_heard or not turn.interrupts)
        if is_answer and turn is not None and turn.sounded_at is None:
            self.sounds(now)
        elif now > self._heard_until + _JITTER_S and is_answer and self.window.is_open:
            self.samples.underrun.append((now - self._heard_until) * _MS)
        self._heard_until = max(now, self._heard_until) + duration_s

    def _user_heard(self, item_id: str, now: float) -> None:
        turn = self.turn
        if turn is None or turn.is_heard:
            return
        self.heard(now)
        self._remember(turn, item_id)
        if turn.interrupts:
            if self.window.is_open:
                self.samples.barge_in.append((now - turn.heard_from) * _MS)
            self._heard_until = min(self._heard_until, now)
        if self._response is not None:
            self._cut = {self._response}
            self._is_done = True

    def _remember(self, turn: MeasuredTurn, item_id: str) -> None:
        turn.item_id = item_id
        self._transcribed = [*self._transcribed[1 - _REMEMBERED :], turn]

    def _written(self, item_id: str, now: float) -> None:
        for turn in self._transcribed:
            if turn.item_id == item_id and turn.counts:
                self.samples.transcript.append((now - turn.ended_at) * _MS)

    def _done(self, response: RealtimeResponse) -> None:
        if _id_of(response) == self._response:
            self._is_done = True
        if is_set(response.status) and response.status in ("failed", "incomplete"):
            self.count_error(f"response {response.status}")


def _id_of(response: RealtimeResponse) -> str:
    return response.id if is_set(response.id) else ""
