"""The delays of turns between two frames each, taken from the rows of a call as they change."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

from duologue.inspection.page.frame_rows import FrameRow
from duologue.inspection.page.lanes import Bracket, BracketKind, Lanes
from duologue.inspection.rows import Change
from duologue.inspection.view import CallInterruption, CallTurn, CallView

__all__ = ["BracketLane"]

_NO_FRAME: Final = -1


class BracketLane:
    """Makes the rows of brackets. The frame at which a time of a turn becomes known is the frame of that time."""

    def __init__(self, view: CallView, lanes: Lanes) -> None:
        self._view = view
        self._lanes = lanes
        self._spoken_s = array("d")
        self._spoken_frames = array("I")
        """When the user's audio was sent, and by which frames."""
        self._begins: dict[int, int] = {}
        """By turn: the frame at the end of its speech."""
        self._rows: dict[tuple[int, BracketKind], Bracket] = {}
        self._cuts: dict[int, Bracket] = {}
        """By the index of the interruption."""
        self._speech_frame = _NO_FRAME

    def user_spoke(self, number: int, at_s: float) -> None:
        """A frame with the user's audio."""
        self._spoken_s.append(at_s)
        self._spoken_frames.append(number)

    def take(self, changes: list[Change], frame: FrameRow) -> None:
        """Rows of the view that `frame` has changed."""
        if frame.type == "input_audio_buffer.speech_started":
            self._speech_frame = frame.number
        for change in changes:
            match change.kind:
                case "turns":
                    self._turn(self._view.turns[change.index], frame.number)
                case "responses":
                    response = self._view.responses[change.index]
                    turn = self._view.turns[response.turn - 1] if 0 < response.turn <= len(self._view.turns) else None
                    if turn is not None and turn.response_ids[:1] == [response.response_id]:
                        self._open(turn, "created", response.created_s, frame.number)
                case "interruptions":
                    self._interruption(change.index, self._view.interruptions[change.index], frame.number)
                case _:
                    pass

    def _turn(self, turn: CallTurn, number: int) -> None:
        if turn.end_of_speech_s is None:
            return
        if turn.kind == "speech":
            self._begins[turn.number] = self._spoken_by(turn.end_of_speech_s)
            self._open(turn, "endpointing", turn.speech_stopped_s, number)
        self._begins.setdefault(turn.number, number)
        self._open(turn, "first_text", turn.first_text_s, number)
        self._open(turn, "first_audio", turn.first_audio_s, number)
        self._open(turn, "first_heard", turn.first_heard_s, number)

    def _open(self, turn: CallTurn, kind: BracketKind, to_s: float | None, number: int) -> None:
        from_s = turn.end_of_speech_s
        if from_s is None or to_s is None:
            return
        row = self._rows.get((turn.number, kind))
        if row is None:
            begin = self._begins.get(turn.number, _NO_FRAME)
            row = Bracket(turn=turn.number, kind=kind, from_s=from_s, to_s=to_s, from_frame=begin, to_frame=number)
            self._rows[turn.number, kind] = row
            self._lanes.add("brackets", row)
            return
        if row.from_s != from_s:  # late words of a Live session move the end of speech
            row.from_s, row.from_frame = from_s, self._begins.get(turn.number, _NO_FRAME)
            self._lanes.touch(row)
        if row.to_s != to_s:  # a note says when it was heard
            row.to_s, row.to_frame = to_s, number
            self._lanes.touch(row)

    def _interruption(self, index: int, cut: CallInterruption, number: int) -> None:
        row = self._cuts.get(index)
        if row is None:
            row = self._cuts[index] = Bracket(
                turn=cut.turn,
                kind="barge_in",
                from_s=cut.at_s,
                to_s=cut.silent_s,
                from_frame=self._speech_frame if self._speech_frame >= 0 else number,
                to_frame=number,
            )
            self._lanes.add("brackets", row)
        elif row.to_s != cut.silent_s:
            row.to_s, row.to_frame = cut.silent_s, number
            self._lanes.touch(row)

    def _spoken_by(self, at_s: float) -> int:
        """The frame that sent what was spoken then."""
        index = bisect_left(self._spoken_s, at_s - _EXACT_S)
        return self._spoken_frames[index] if index < len(self._spoken_frames) else _NO_FRAME


_EXACT_S: Final = 0.0005
