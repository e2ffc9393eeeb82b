"""The words of both sides: when their pieces came, and when they were final."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

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
from duologue.inspection.view import CallTurn

__all__ = ["TextLanes"]

_REMEMBERED: Final = 512
"""Texts that may still grow."""


class TextLanes:
    """Takes the events of a Realtime session, or the turns of one that has no items."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._user: dict[str, LaneText] = {}
        self._model: dict[tuple[str, int], LaneText] = {}
        self._turns: dict[tuple[int, str], LaneText] = {}
        self._committed: dict[str, float] = {}
        """When the audio of an item of the user was."""

    def take(self, event: RealtimeEvent, at_s: float, user: UserSounds) -> None:
        """Take an event, after `user` did."""
        match event:
            case InputAudioTranscriptionDeltaEvent(item_id=item_id, delta=delta):
                row = self._of_user(item_id, at_s, user)
                row.piece(delta if is_set(delta) and delta is not None else "", at_s)
                self._lanes.touch(row)
            case InputAudioTranscriptionCompletedEvent(item_id=item_id, transcript=text):
                row = self._of_user(item_id, at_s, user)
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
                _bounded(self._committed)[item_id] = at_s
            case _:
                pass

    def turned(self, turn: CallTurn, at_s: float) -> None:
        """A turn is new or was changed."""
        if turn.user_text is not None and turn.user_text_s is not None:
            begin_s = turn.user_text_s if turn.speech_started_s is None else turn.speech_started_s
            self._of_turn(turn.number, "user_text", begin_s, turn.user_text, turn.user_text_s, at_s)
        if turn.answer_text is not None and turn.first_text_s is not None:
            self._of_turn(turn.number, "model_text", turn.first_text_s, turn.answer_text, turn.done_s, at_s)

    def _of_turn(
        self,
        number: int,
        kind: Literal["user_text", "model_text"],
        begin_s: float,
        text: str,
        final_s: float | None,
        at_s: float,
    ) -> None:
        row = self._turns.get((number, kind))
        if row is None:
            response_id = "" if kind == "model_text" else None
            row = LaneText(item_id=f"turn {number}", response_id=response_id, begin_s=begin_s)
            _bounded(self._turns)[number, kind] = row
            self._lanes.add(kind, row)
        if row.text != text:
            row.piece("", at_s)
            row.text = text
        row.begin_s, row.final_s = begin_s, final_s
        self._lanes.touch(row)

    def _of_user(self, item_id: str, at_s: float, user: UserSounds) -> LaneText:
        row = self._user.get(item_id)
        if row is None:
            row = LaneText(item_id=item_id, begin_s=user.begin_of(item_id, self._committed.get(item_id, at_s)))
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
