"""One turn: its words, its latencies, and whether it is over."""

from __future__ import annotations

from typing import Literal

from duologue.cli.turns.describe import failure_of
from duologue.cli.turns.observations import Observation
from duologue.cli.turns.words import Words
from duologue.events import (
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    RealtimeEvent,
    RealtimeResponse,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    is_set,
)

__all__ = ["First", "Turn"]

First = Literal["transcript", "text", "audio"]


class Turn:
    """Follows the events from the first chunk of speech, or the typed message, to the end of the answer.

    A pause inside a clip ends a turn for the server, which may start to answer and be interrupted by the rest. So
    "first" means: first since speech last started.
    """

    def __init__(self, *, spoken: bool, ends_with: type[RealtimeEvent] | None = None) -> None:
        """`ends_with` is the event that ends the answer; None: the end of a response."""
        self.spoken = spoken
        self._ends_with = ends_with
        self._ended = False
        self.words: Words = Words()
        self.ended_at_s: float | None = None
        """When the last chunk with speech was sent, or the response.create for a typed message."""
        self.event_types: list[str] = []
        """Types of everything received, in order."""
        self.responses: list[RealtimeResponse] = []
        """The responses that have ended."""
        self._first_at_s: dict[First, float] = {}
        self._item_id: str | None = None
        self._running: set[str] = set()
        self._latest: str | None = None
        self._speaking = False
        self._noticed = False
        self._response_due = False
        self._untranscribed: set[str] = set()

    # --- state

    @property
    def noticed(self) -> bool:
        """Whether the server has detected speech or answered."""
        return self._noticed

    @property
    def speaking(self) -> bool:
        """Whether the server has detected speech that has not stopped."""
        return self._speaking

    @property
    def answering(self) -> bool:
        """Whether a response is in progress."""
        return bool(self._running)

    @property
    def answered(self) -> bool:
        """Whether a response has ended and no other response is due."""
        if self._ends_with is not None:
            return self._ended
        return bool(self.responses) and not (self._running or self._response_due or self._speaking)

    @property
    def awaits_transcript(self) -> bool:
        """Whether the transcript of committed speech is missing."""
        return bool(self._untranscribed)

    @property
    def failure(self) -> str | None:
        """Why the last response did not complete; None if it did."""
        return failure_of(self.responses[-1]) if self.responses else None

    def latency_ms(self, first: First) -> int | None:
        """Milliseconds from the end of the user's turn to the first of its kind; None if there is none."""
        if self.ended_at_s is None or first not in self._first_at_s:
            return None
        return round((self._first_at_s[first] - self.ended_at_s) * 1000)

    # --- events

    def observe(self, observation: Observation) -> None:
        """Apply an event of the server."""
        event = observation.event
        self.event_types.append(event.type or "")
        self.words.add(event)
        self._ended = self._ended or (self._ends_with is not None and isinstance(event, self._ends_with))
        self._observe_user(event, observation.at_s)
        self._observe_response(event, observation.at_s)

    def _observe_user(self, event: RealtimeEvent, at_s: float) -> None:
        match event:
            case InputAudioBufferSpeechStartedEvent():
                self._restart(event.item_id)
            case InputAudioBufferSpeechStoppedEvent():
                self._speaking, self._response_due = False, True
            case InputAudioBufferCommittedEvent():
                self._speaking, self._response_due, self._noticed = False, not self._running, True
                self._untranscribed.add(event.item_id)
            case InputAudioTranscriptionDeltaEvent() if is_set(event.delta) and event.delta:
                self._first("transcript", at_s, belongs=self._item_id in (None, event.item_id))
            case InputAudioTranscriptionCompletedEvent():
                self._untranscribed.discard(event.item_id)
                if event.transcript:
                    self._first("transcript", at_s, belongs=self._item_id in (None, event.item_id))
            case InputAudioTranscriptionFailedEvent():
                self._untranscribed.discard(event.item_id)
            case _:
                pass  # events that are not of the user's turn

    def _observe_response(self, event: RealtimeEvent, at_s: float) -> None:
        match event:
            case ResponseCreatedEvent(response=response):
                self._noticed, self._response_due = True, False
                self._latest = response.id if is_set(response.id) else ""
                self._running.add(self._latest)
            case ResponseTextDeltaEvent() | ResponseAudioTranscriptDeltaEvent():
                self._first("text", at_s, belongs=self._latest in (None, event.response_id))
            case ResponseAudioDeltaEvent():
                self._first("audio", at_s, belongs=self._latest in (None, event.response_id))
            case ResponseDoneEvent(response=response):
                self._noticed = True
                self._running.discard(response.id if is_set(response.id) else "")
                self.responses.append(response)
                # The user went on speaking: another response follows.
                self._response_due = self._response_due or _interrupted(response)
            case _:
                pass  # events that are not of a response

    def _restart(self, item_id: str) -> None:
        self._first_at_s.clear()
        self._item_id = item_id
        self._latest = None
        self._speaking = self._noticed = True

    def _first(self, what: First, at_s: float, *, belongs: bool) -> None:
        if belongs:
            self._first_at_s.setdefault(what, at_s)


def _interrupted(response: RealtimeResponse) -> bool:
    details = response.status_details
    return response.status == "cancelled" and is_set(details) and details.reason == "turn_detected"
