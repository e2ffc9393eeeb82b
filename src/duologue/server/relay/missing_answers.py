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
        self._session: dict[str, Any] | None = None
        """As the client was last told it; None before the upstream has announced it."""
        self._early_updates: list[SessionUpdateEvent] = []
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
            case SessionUpdateEvent() if self._session is None:
                # Answered behind `session.created`, which is a client's first event.
                self._early_updates = [*self._early_updates, event][-_MAX_PENDING:]
            case SessionUpdateEvent():
                return [self._updated(event)]
            case _:
                pass
        return []

    def _updated(self, event: SessionUpdateEvent) -> RealtimeEvent:
        """The answer to an update, with all settings that the client has made."""
        self._session = {**(self._session or {}), **to_plain(event.session)}
        kind = "transcription_session" if self._session.get("type") == "transcription" else "session"
        session = {**self._session, "object": f"realtime.{kind}"}
        return RealtimeEvent.from_json(
            {"type": "session.updated", "event_id": self._new_id("event"), "session": session}
        )

    def completed(self, event: RealtimeEvent) -> list[RealtimeEvent]:
        """An event of the upstream with the ids that it lacks, and the answers that have waited for it."""
        if not self._are_missing:
            return [event]
        event = self._with_ids(event)
        if not isinstance(event, SessionCreatedEvent):
            return [event]
        self._session = to_plain(event.session)
        early, self._early_updates = self._early_updates, []
        return [event, *(self._updated(update) for update in early)]

    def _with_ids(self, event: RealtimeEvent) -> RealtimeEvent:
        if event.event_id == "":
            event = msgspec.structs.replace(event, event_id=self._new_id("event"))
        if self._item_ids and isinstance(
            event, InputAudioTranscriptionDeltaEvent | InputAudioTranscriptionCompletedEvent
        ):
            is_last = isinstance(event, InputAudioTranscriptionCompletedEvent)
            item_id = self._item_ids.popleft() if is_last else self._item_ids[0]
            return msgspec.structs.replace(event, item_id=item_id)
        return event
