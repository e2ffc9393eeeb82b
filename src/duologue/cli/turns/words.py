"""The words of both sides, joined from deltas and whole texts."""

from __future__ import annotations

from duologue.cli.turns.describe import words_of
from duologue.events import (
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    RealtimeEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    is_set,
)

__all__ = ["Words"]


class Words:
    """Texts by item, in the order in which they began."""

    def __init__(self) -> None:
        self._user: dict[str, str] = {}
        self._server: dict[tuple[str, int], str] = {}

    @property
    def user(self) -> str:
        """Transcripts of the user's speech."""
        return " ".join(text for text in self._user.values() if text)

    @property
    def server(self) -> str:
        """The server's answer, spoken or written."""
        return " ".join(text.strip() for text in self._server.values() if text)

    def add(self, event: RealtimeEvent) -> None:
        """Add the text of an event."""
        match event:
            case InputAudioTranscriptionDeltaEvent():
                delta = event.delta if is_set(event.delta) else ""
                self._user[event.item_id] = self._user.get(event.item_id, "") + delta
            case InputAudioTranscriptionCompletedEvent():
                self._user[event.item_id] = event.transcript
            case ResponseTextDeltaEvent() | ResponseAudioTranscriptDeltaEvent():
                place = (event.item_id, event.content_index)
                self._server[place] = self._server.get(place, "") + event.delta
            case ResponseTextDoneEvent():
                self._server[event.item_id, event.content_index] = event.text
            case ResponseAudioTranscriptDoneEvent():
                self._server[event.item_id, event.content_index] = event.transcript
            case ResponseDoneEvent(response=response) if not self._server and is_set(response.output):
                # Some servers stream nothing: the text is in response.done alone.
                self._server = {("", index): words_of(item) for index, item in enumerate(response.output)}
            case _:
                pass  # events without words
