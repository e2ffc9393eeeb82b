"""The words of both sides: when their pieces came, and when they were final."""

from __future__ import annotations

from typing import Final, TypeVar

from duologue.events import (
    ConversationItemCreateEvent,
    InputAudioBufferCommittedEvent,
    InputAudioTranscriptionCompletedEvent,
    InputAudioTranscriptionDeltaEvent,
    MessageItem,
    RealtimeEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    is_set,
)
from duologue.inspection.page.lanes import Lanes, LaneText
from duologue.inspection.page.sound_lanes import UserSounds

__all__ = ["TextLanes"]

_REMEMBERED: Final = 512
"""Texts that may still grow."""


class TextLanes:
    """Takes the events of a Realtime session."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._user: dict[str, LaneText] = {}
        self._model: dict[tuple[str, int], LaneText] = {}
        self._begins: dict[str, float] = {}
        """When the speech of an item of the user began, or where that is not known, when it was committed."""

    def take(self, event: RealtimeEvent, at_s: float, user: UserSounds) -> None:
        """Take an event, after `user` did."""
        match event:
            case InputAudioTranscriptionDeltaEvent(item_id=item_id, delta=delta):
                row = self._of_user(item_id, at_s)
                row.piece(delta if is_set(delta) and delta is not None else "", at_s)
                self._lanes.touch(row)
            case InputAudioTranscriptionCompletedEvent(item_id=item_id, transcript=text):
                row = self._of_user(item_id, at_s)
                row.final(text, at_s)
                self._lanes.touch(row)
            case ConversationItemCreateEvent(item=MessageItem(role="user") as item):
                named = item.id if is_set(item.id) else None
                text_row = LaneText(item_id=named or "", begin_s=at_s)
                text_row.final(item.text, at_s)
                self._lanes.add("user_text", text_row)
            case ResponseAudioTranscriptDeltaEvent(delta=piece) | ResponseTextDeltaEvent(delta=piece):
                row = self._of_model(event, at_s)
                row.piece(piece, at_s)
                self._lanes.touch(row)
            case ResponseAudioTranscriptDoneEvent(transcript=text) | ResponseTextDoneEvent(text=text):
                row = self._of_model(event, at_s)
                row.final(text, at_s)
                self._lanes.touch(row)
            case ResponseDoneEvent(response=response) if is_set(response.id):
                for row in self._model.values():
                    if row.response_id == response.id and row.final_s is None:
                        row.final(None, at_s)
                        self._lanes.touch(row)
            case InputAudioBufferCommittedEvent(item_id=item_id):
                _bounded(self._begins)[item_id] = user.begin_of(item_id, at_s)
            case _:
                pass

    def _of_user(self, item_id: str, at_s: float) -> LaneText:
        row = self._user.get(item_id)
        if row is None:
            row = LaneText(item_id=item_id, begin_s=self._begins.get(item_id, at_s))
            _bounded(self._user)[item_id] = row
            self._lanes.add("user_text", row)
        return row

    def _of_model(
        self,
        event: ResponseAudioTranscriptDeltaEvent
        | ResponseTextDeltaEvent
        | ResponseAudioTranscriptDoneEvent
        | ResponseTextDoneEvent,
        at_s: float,
    ) -> LaneText:
        key = (event.item_id, event.content_index)
        row = self._model.get(key)
        if row is None:
            row = LaneText(item_id=event.item_id, response_id=event.response_id, begin_s=at_s)
            _bounded(self._model)[key] = row
            self._lanes.add("model_text", row)
        return row


K = TypeVar("K")
V = TypeVar("V")


def _bounded(known: dict[K, V]) -> dict[K, V]:
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]
    return known
