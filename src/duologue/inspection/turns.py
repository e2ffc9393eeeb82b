"""The turns of the user: when each ended, and which transcript and which answer belong to it."""

from __future__ import annotations

from typing import Final

from duologue.inspection.input_clock import InputClock
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.session_in_force import SessionInForce
from duologue.inspection.view import CallTurn, CallView

__all__ = ["TurnLane"]

_REMEMBERED: Final = 512
"""Items of the user: transcripts are late by seconds, and not by hundreds of turns."""

_LOOKED_AT_MS: Final = 2000
"""Before the end of speech whose beginning is not known: was that much sent as it was spoken?"""

_FASTER: Final = "its audio was sent faster than it was spoken"
_NOT_THERE: Final = "the audio of its end is not in the recording"


class TurnLane:
    """Makes the turns of a view."""

    def __init__(self, view: CallView, rows: Rows) -> None:
        self._view = view
        self._rows = rows
        self._by_item: dict[str, CallTurn] = {}
        self._typed: str | None = None
        """Text that was sent and that no response was asked for yet."""
        self._uncommitted: CallTurn | None = None
        """A turn that the client has ended and the server not confirmed."""
        self._last: CallTurn | None = None
        self._is_restoring = False

    def restoring(self) -> None:
        """Another connection is open: a client may send there first what was typed before."""
        self._is_restoring = True

    # --- what the server hears

    def speech_started(self, item_id: str, audio_start_ms: int, at_s: float) -> None:
        """The server has heard the user begin."""
        self._begin(CallTurn(number=0, kind="speech", item_id=item_id, speech_started_s=at_s, begin_ms=audio_start_ms))

    def speech_stopped(
        self, item_id: str, audio_end_ms: int, at_s: float, session: SessionInForce, clock: InputClock
    ) -> None:
        """The server has heard the user end. `audio_end_ms` includes the silence that ended the turn."""
        turn = self._by_item.get(item_id)
        if turn is None:  # its beginning is not in the recording
            turn = self._begin(CallTurn(number=0, kind="speech", item_id=item_id))
        turn.speech_stopped_s = at_s
        turn.end_from = "semantic_vad" if session.detection == "semantic_vad" else "server_vad"
        end_ms = audio_end_ms - session.silence_ms
        turn.end_ms = max(0, end_ms)
        spoken_s = clock.spoken_at_s(turn.end_ms)
        if spoken_s is None:
            turn.withheld = _NOT_THERE
        elif not clock.is_paced(_or(turn.begin_ms, max(0, end_ms - _LOOKED_AT_MS)), audio_end_ms):
            turn.withheld = _FASTER
        else:
            turn.end_of_speech_s = spoken_s
        self._rows.touch(turn)

    def committed(self, item_id: str, at_s: float) -> None:
        """The server has made an item of the user's audio."""
        turn = self._by_item.get(item_id) or self._uncommitted
        self._uncommitted = None
        if turn is None:
            return
        turn.item_id, turn.committed_s = item_id, at_s
        self._remember(turn)
        self._rows.touch(turn)

    # --- what the client does

    def client_commits(self, at_s: float, session: SessionInForce) -> None:
        """The client ends a turn of speech: there its audio ends."""
        if session.detection is not None:
            return  # the turn is the server's
        turn = CallTurn(number=0, kind="push_to_talk", end_of_speech_s=at_s, end_from="commit")
        self._uncommitted = self._begin(turn)

    def client_speaks(self) -> None:
        """The client sends audio."""
        if self._is_restoring:
            self._is_restoring, self._typed = False, None

    def client_types(self, text: str) -> None:
        """The client adds a message of the user; the request for an answer is the turn."""
        self._typed = shortened(text)

    def client_requests(self, at_s: float) -> None:
        """The client asks for a response."""
        if self._typed is not None:
            self._begin(
                CallTurn(number=0, kind="typed", end_of_speech_s=at_s, end_from="request", user_text=self._typed)
            )
            self._typed = None
        elif self._last is None:
            self._begin(CallTurn(number=0, kind="unasked", end_of_speech_s=at_s, end_from="request"))

    # --- what belongs to a turn

    def transcribed(self, item_id: str, text: str, at_s: float) -> None:
        """The words of the user are final."""
        if (turn := self._by_item.get(item_id)) is not None:
            turn.user_text, turn.user_text_s = shortened(text), at_s
            self._rows.touch(turn)

    def answered(self) -> CallTurn:
        """The turn that a response belongs to which is created now: the last one that has ended."""
        for turn in reversed(self._view.turns):
            if turn.speech_stopped_s is not None or turn.kind != "speech":
                return turn
        return self._last or self._begin(CallTurn(number=0, kind="unasked"))

    def numbered(self, number: int) -> CallTurn | None:
        """The turn with this number."""
        return self._view.turns[number - 1] if 0 < number <= len(self._view.turns) else None

    def _begin(self, turn: CallTurn) -> CallTurn:
        turn.number = len(self._view.turns) + 1
        self._last = self._rows.add("turns", turn)
        self._remember(turn)
        return turn

    def _remember(self, turn: CallTurn) -> None:
        if turn.item_id is not None:
            self._by_item[turn.item_id] = turn
            _forget_oldest(self._by_item)


def _or(known: int | None, otherwise: int) -> int:
    return otherwise if known is None else known


def _forget_oldest(remembered: dict[str, CallTurn]) -> None:
    if len(remembered) > _REMEMBERED:
        del remembered[next(iter(remembered))]
