"""The transcript of a Live session as utterances, in the order and at the times in which its pieces arrive."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from duologue.events.live import LiveInitialMessage, LiveInitialPart
from duologue.protocol.live.client.notices import Speaker, Utterance, UtteranceEnded
from duologue.protocol.live.client.utterances import Grouped, OpenUtterances, SpokenPiece

__all__ = ["MAX_UTTERANCES", "SETTLE_MS", "LiveTranscript", "TranscriptGrouper"]

SETTLE_MS: Final = 50
"""Words of another speaker wait so long, because those of the same interval by the present one belong before them."""

MAX_UTTERANCES: Final = 4096
"""That are kept, more than the two hours of a session bring; the oldest are dropped."""

_MAX_INPUT: Final = 128
"""Earlier messages that a start may name."""

_PARTS: Final[dict[Speaker, str]] = {"user": "input_text", "assistant": "output_text"}


class LiveTranscript(tuple[Utterance, ...]):
    """What was said, in the order in which it began. `str` is one line for each utterance, `SPEAKER: TEXT`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(f"{utterance.speaker}: {utterance.text}" for utterance in self)

    def request(self) -> str:
        """What the user has said since the model last spoke, as one text: where work is handed over, the work.

        The words of one sentence may be several utterances, because a short pause ends one.
        """
        words: list[str] = []
        for utterance in reversed(self):
            if utterance.speaker == "assistant":
                break
            words.append(utterance.text)
        return " ".join(reversed(words))

    def as_input(self) -> list[LiveInitialMessage]:
        """The last 128 utterances as earlier messages: the `input` with which another session goes on."""
        return [
            LiveInitialMessage(role=each.speaker, content=[LiveInitialPart(type=_PARTS[each.speaker], text=each.text)])
            for each in self[-_MAX_INPUT:]
        ]


class TranscriptGrouper:
    """Groups pieces into utterances. Their times are milliseconds of the session, `now` is a clock in seconds.

    The session's time goes on by that clock from the latest word on: words come later than their sound, or sooner, so
    how much audio was sent says nothing about how long a speaker has been silent.
    """

    def __init__(self) -> None:
        self._utterances = OpenUtterances()
        self._kept: deque[Utterance] = deque(maxlen=MAX_UTTERANCES)
        self._unsettled: list[SpokenPiece] = []
        self._unsettled_from = 0.0
        self._unsettled_to = 0.0
        """When the first and the last of them came."""
        self._began_ms: dict[Speaker, int] = {}
        """The begin of each speaker's latest piece."""
        self._latest_ms: float | None = None
        """The latest end of all pieces, known at `_latest_at`."""
        self._latest_at = 0.0
        self._now = 0.0

    @property
    def utterances(self) -> LiveTranscript:
        """The utterances as far as they were told, those that go on too; a snapshot."""
        told = [*self._kept, *self._utterances.going_on]
        return LiveTranscript(sorted(told, key=lambda utterance: utterance.utterance_id))

    def add(self, speaker: Speaker, delta: str, start_ms: int, end_ms: int, *, now: float) -> list[Grouped]:
        """The next piece of a speaker; one without text is silence. Ends come before the piece that brings them."""
        self._now = now
        if not delta:
            return []
        piece = SpokenPiece(speaker, delta, start_ms, end_ms)
        notices: list[Grouped] = []
        if self._unsettled and (start_ms, end_ms) != (self._unsettled[0].start_ms, self._unsettled[0].end_ms):
            notices = self._settle()
        if not self._unsettled:
            self._unsettled_from = now
        self._unsettled.append(piece)
        self._unsettled_to = now
        # Whose turn it is goes on at once, and two speakers are all that there are.
        known = {piece.speaker for piece in self._unsettled}
        if len(known) > 1 or (len(self._unsettled) == 1 and speaker == self._utterances.speaker):
            notices += self._settle()
        return notices

    @property
    def next_tick_at(self) -> float:
        """When `tick` has something to do, if no words come before; infinity if nothing is waited for."""
        if self._unsettled:
            return self._unsettled_from + SETTLE_MS / 1000
        deadline_ms = self._utterances.deadline_ms
        return inf if self._latest_ms is None else self._latest_at + (deadline_ms - self._latest_ms) / 1000

    def tick(self, now: float) -> list[Grouped]:
        """Time has passed: utterances end that were followed by silence for long enough."""
        self._now = now
        if now < self.next_tick_at:
            return []
        # The clock is rounded: what is due now by `next_tick_at` must be so by the session's time too.
        due_ms = 0.0 if self._unsettled else self._utterances.deadline_ms
        notices = self._settle()
        return notices + self._keeping(self._utterances.advance(max(due_ms, self._time_ms)))

    def settle(self) -> list[Grouped]:
        """Wait no longer for words of the same interval: work is handed over, which the latest words describe."""
        return self._settle()

    def end(self) -> list[Grouped]:
        """The session is over, at the time of the last `add` or `tick`."""
        return self._settle() + self._keeping(self._utterances.close(self._time_ms, "session_closed"))

    def _keeping(self, notices: list[Grouped]) -> list[Grouped]:
        self._kept += (notice.utterance for notice in notices if isinstance(notice, UtteranceEnded))
        return notices

    @property
    def _time_ms(self) -> float:
        if self._latest_ms is None:
            return 0.0
        return self._latest_ms + max(0.0, self._now - self._latest_at) * 1000

    def _settle(self) -> list[Grouped]:
        pieces, self._unsettled = self._unsettled, []
        if not pieces:
            return []
        notices: list[Grouped] = []
        if any(piece.start_ms < self._began_ms.get(piece.speaker, piece.start_ms) for piece in pieces):
            notices += self._utterances.close(self._time_ms, "timestamp_reset")
            self._began_ms.clear()
            self._latest_ms = None
        for piece in pieces:
            self._began_ms[piece.speaker] = piece.start_ms
            self._latest_ms = max(self._latest_ms or 0.0, piece.end_ms)
        self._latest_at = self._unsettled_to
        return self._keeping(notices + self._utterances.add(pieces))
