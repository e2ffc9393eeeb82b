"""Events that a vendor sends where the canonical stream has another, or none: heartbeats, cumulative transcripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from duologue.clock import unix_time
from duologue.dialects.places import Json
from duologue.events import (
    ConversationItemDoneEvent,
    InputAudioPart,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    InputAudioTranscriptionFailedEvent,
    MessageItem,
    RealtimeEvent,
    SessionCreatedEvent,
)

__all__ = ["VendorStream", "is_done_speech"]

_CUMULATIVE: Final[Mapping[str, str]] = {"xai": "conversation.item.input_audio_transcription.updated"}
"""The event that has a transcript so far as a whole, in the place of its deltas."""

_PINGS: Final = frozenset({"xai"})
"""Dialects whose server begins with a `ping`."""

_MAX_TRANSCRIPTS: Final = 16
"""Of one session at once: more turns than one waits for no transcriber."""


class VendorStream:
    """The vendor's own events of one session."""

    def __init__(self, dialect: str, *, new_id: Callable[[str], str]) -> None:
        self._cumulative = _CUMULATIVE.get(dialect)
        self._pings = dialect in _PINGS
        self._new_id = new_id
        self._transcripts: dict[str, str] = {}

    def in_place_of(self, event: RealtimeEvent) -> Json | None:
        """The vendor's frame for this event; None if the translation is."""
        match event:
            case InputAudioTranscriptionDeltaEvent(delta=str() as delta) if self._cumulative is not None:
                while len(self._transcripts) >= _MAX_TRANSCRIPTS and event.item_id not in self._transcripts:
                    del self._transcripts[next(iter(self._transcripts))]
                transcript = self._transcripts.get(event.item_id, "") + delta
                self._transcripts[event.item_id] = transcript
                return {
                    "type": self._cumulative,
                    "event_id": event.event_id,
                    "item_id": event.item_id,
                    "content_index": 0,
                    "transcript": transcript,
                    "previous_item_id": None,
                }
            case InputAudioTranscriptionCompletedEvent() | InputAudioTranscriptionFailedEvent():
                self._transcripts.pop(event.item_id, None)
            case _:
                pass
        return None

    def behind(self, event: RealtimeEvent) -> Iterator[Json]:
        """The frames that follow this event's own."""
        if self._pings and isinstance(event, SessionCreatedEvent):
            yield {
                "type": "ping",
                "event_id": self._new_id("event"),
                "timestamp": int(unix_time() * 1000),
                "previous_item_id": None,
            }


def is_done_speech(event: ConversationItemDoneEvent) -> bool:
    """Whether the item is speech of the user: the one kind of item that Voice Live says to be done."""
    item = event.item
    return (
        isinstance(item, MessageItem)
        and item.role == "user"
        and any(isinstance(part, InputAudioPart) for part in item.content)
    )
