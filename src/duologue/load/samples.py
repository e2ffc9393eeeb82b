"""What the calls of one level measured, while its window was open."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

__all__ = ["LATE_EDGES_MS", "LevelSamples", "lateness_of"]

LATE_EDGES_MS: Final = tuple(0.25 * 1.1**step for step in range(110))
"""Upper edges of the bins in which the generator's own lateness is counted, from 0.25 ms to 8 s in steps of 10 %.
There is a value for each piece of audio that is sent, some millions in a minute of many calls."""


class LevelSamples(Struct, kw_only=True):
    """Delays in milliseconds, and what is counted. Plain lists, so that those of several processes can be joined."""

    connect: list[float] = []
    """From the first packet to the end of the handshake."""
    ready: list[float] = []
    """To the event that says that the session can be used."""
    speech_heard: list[float] = []
    """From the append in which speech begins to `speech_started`."""
    first_audio: list[float] = []
    """From the end of speech to the first sound of the answer."""
    barge_in: list[float] = []
    """From the user's first sound to the silence of the model."""
    transcript: list[float] = []
    """From the end of speech to its final transcript."""
    underrun: list[float] = []
    """How long the answer stood still, for each time that it did."""
    late: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATE_EDGES_MS) + 1))
    """How often the generator sent a piece so late: by `LATE_EDGES_MS`."""
    turns: int = 0
    """Turns whose speech ended in the window."""
    answers: int = 0
    """Answers of which something was heard."""
    lost: int = 0
    """Turns that were not answered in time."""
    unheard_barge_ins: int = 0
    """Interruptions that the server did not react to before its answer was over."""
    errors: dict[str, int] = {}
    """By code: `error` events, and answers that failed."""
    closes: dict[str, int] = {}
    """By code: connections that this side did not close."""
    refused: dict[str, int] = {}
    """By reason: connections that did not come about."""
    sent_bytes: int = 0
    received_bytes: int = 0
    began: int = 0
    """Calls that were begun."""
    up_s: float = 0.0
    """Seconds of all calls together in the window."""
    cpu_s: float = 0.0
    """CPU time of the generator in the window."""
    window_s: float = 0.0

    def was_late(self, late_ms: float, count: int = 1) -> None:
        """The generator sent a piece so late."""
        self.late[bisect_left(LATE_EDGES_MS, late_ms)] += count

    @staticmethod
    def joined(parts: Iterable[LevelSamples]) -> LevelSamples:
        """All of them together: processes that ran at the same time."""
        total = LevelSamples()
        for part in parts:
            for name in ("connect", "ready", "speech_heard", "first_audio", "barge_in", "transcript", "underrun"):
                getattr(total, name).extend(getattr(part, name))
            for name in ("errors", "closes", "refused"):
                counts: dict[str, int] = getattr(total, name)
                for key, count in getattr(part, name).items():
                    counts[key] = counts.get(key, 0) + count
            for name in ("turns", "answers", "lost", "unheard_barge_ins", "sent_bytes", "received_bytes", "began"):
                setattr(total, name, getattr(total, name) + getattr(part, name))
            total.late = [one + other for one, other in zip(total.late, part.late, strict=True)]
            total.up_s += part.up_s
            total.cpu_s += part.cpu_s
            total.window_s = max(total.window_s, part.window_s)
        return total


def lateness_of(samples: LevelSamples, percent: float) -> float | None:
    """The edge that so many percent of the pieces were no later than, in milliseconds; None if none was sent."""
    total, seen = sum(samples.late), 0
    if not total:
        return None
    for number, count in enumerate(samples.late):
        seen += count
        if seen * 100 >= total * percent:
            return LATE_EDGES_MS[min(number, len(LATE_EDGES_MS) - 1)]
    return LATE_EDGES_MS[-1]
