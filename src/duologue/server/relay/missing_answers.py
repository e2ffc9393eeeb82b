"""What clients count on and some upstreams never send: the answer to an update, that to a commit, and ids of items.

An upstream that transcribes one utterance after another needs none of them. The relay answers in its place, so that a
client of any dialect goes on, and finds the transcript under the id that it was given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from duologue.codec.writing import to_plain
from duologue.dialects import Profile
from duologue.events import (
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferCommittedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    RealtimeEvent,
    SessionCreatedEvent,
    SessionUpdateEvent,
)

__all__ = ["MissingAnswers"]

_MAX_PENDING: Final = 64
"""Utterances whose transcript has not come. A server with more of them transcribes none."""


class MissingAnswers:
    """The answers of one connection, in the order of its events."""

    def __init__(self, upstream: Profile, *, new_id: Callable[[str], str]) -> None:
        self._are_missing = upstream.utterance.is_transcribed_once
        self._new_id = new_id
        self._session: dict[str, Any] = {}
        self._has_audio = False
        self._item_ids: deque[str] = deque(maxlen=_MAX_PENDING)

    def to(self, event: RealtimeEvent) -> list[RealtimeEvent]:
        """The answers to a client's event that the upstream does not send."""
        if not self._are_missing:
            return []
        match event:
            case InputAudioBufferAppendEvent():
                self._has_audio = True
            case InputAudioBufferClearEvent():
                self._has_audio = False
            case InputAudioBufferCommitEvent() if self._has_audio:
                self._has_audio = False
                self._item_ids.append(self._new_id("item"))
                return [
                    InputAudioBufferCommittedEvent(event_id=self._new_id("event"), item_id=self._item_ids[-1]),
                ]
            case SessionUpdateEvent():
                self._session |= to_plain(event.session)
                kind = "transcription_session" if self._session.get("type") == "transcription" else "session"
                updated = {**self._session, "object": f"realtime.{kind}"}
                return [
                    RealtimeEvent.from_json(
                        {"type": "session.updated", "event_id": self._new_id("event"), "session": updated}
                    )
                ]
            case _:
                pass
        return []

    def with_ids(self, event: RealtimeEvent) -> RealtimeEvent:
        """An event of the upstream, with the ids of events and items that it lacks."""
        if not self._are_missing:
            return event
        if isinstance(event, SessionCreatedEvent):
            self._session = to_plain(event.session)
        if event.event_id == "":
            event = msgspec.structs.replace(event, event_id=self._new_id("event"))
        if self._item_ids and isinstance(
            event, InputAudioTranscriptionDeltaEvent | InputAudioTranscriptionCompletedEvent
        ):
            is_last = isinstance(event, InputAudioTranscriptionCompletedEvent)
            item_id = self._item_ids.popleft() if is_last else self._item_ids[0]
            return msgspec.structs.replace(event, item_id=item_id)
        return event
