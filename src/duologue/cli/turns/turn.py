"""One turn of a conversation as the talker sees it: what was said, when what came first, and whether it is over."""

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

    A pause inside a clip ends a turn for the server, and it may answer in the middle and be interrupted by the rest.
    So "first" means: first since speech last started.
    """

    def __init__(self, *, spoken: bool) -> None:
        self.spoken = spoken
        self.words = Words()
        self.ended_at_s: float | None = None
        """When the last chunk with speech in it was sent, or the request to answer a typed message."""
        self.event_types: list[str] = []
        """Types of everything received, in order."""
        self.responses: list[RealtimeResponse] = []
        """Those that have ended."""
        self._first_at_s: dict[First, float] = {}
        self._item_id: str | None = None
        self._running: set[str] = set()
        self._latest: str | None = None
        self._speaking = False
        self._noticed = False
        self._owed = False
        self._untranscribed: set[str] = set()

    # --- what it has come to

    @property
    def noticed(self) -> bool:
        """Whether the server has shown that it hears something."""
        return self._noticed

    @property
    def speaking(self) -> bool:
        """Whether, for the server, the user is still speaking."""
        return self._speaking

    @property
    def answering(self) -> bool:
        """Whether a response is under way."""
        return bool(self._running)

    @property
    def answered(self) -> bool:
        """Whether a response has ended and no other one is due."""
        return bool(self.responses) and not (self._running or self._owed or self._speaking)

    @property
    def awaits_transcript(self) -> bool:
        """Whether speech was committed whose transcript has not come."""
        return bool(self._untranscribed)

    @property
    def failure(self) -> str | None:
        """Why the last response did not complete; None when it did."""
        return failure_of(self.responses[-1]) if self.responses else None

    def latency_ms(self, first: First) -> int | None:
        """From the end of the user's turn to the first of its kind; None when none came."""
        if self.ended_at_s is None or first not in self._first_at_s:
            return None
        return round((self._first_at_s[first] - self.ended_at_s) * 1000)

    # --- what happens

    def note(self, observation: Observation) -> None:
        """Take in an event that the server sent."""
        event = observation.event
        self.event_types.append(event.type or "")
        self.words.note(event)
        self._note_user(event, observation.at_s)
        self._note_response(event, observation.at_s)

    def _note_user(self, event: RealtimeEvent, at_s: float) -> None:
        match event:
            case InputAudioBufferSpeechStartedEvent():
                self._begin_again(event.item_id)
            case InputAudioBufferSpeechStoppedEvent():
                self._speaking, self._owed = False, True
            case InputAudioBufferCommittedEvent():
                self._speaking, self._owed, self._noticed = False, not self._running, True
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

    def _note_response(self, event: RealtimeEvent, at_s: float) -> None:
        match event:
            case ResponseCreatedEvent(response=response):
                self._noticed, self._owed = True, False
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
                # Its turn was not over after all: another response follows.
                self._owed = self._owed or _interrupted(response)
            case _:
                pass  # events that are not of a response

    def _begin_again(self, item_id: str) -> None:
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
