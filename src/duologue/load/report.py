"""The figures of a level, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, inf
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.inspection.figures import percentile
from duologue.inspection.gate import Threshold
from duologue.load.samples import LevelSamples, lateness_of

__all__ = ["DELAYS", "MAX_LATE_MS", "DelayFigures", "LevelReport", "report_of"]

MAX_LATE_MS: Final = 5.0
"""Of 99 in 100 pieces: a generator that is later adds its own delay to the server's, and cannot tell them apart."""

DELAYS: Final[Mapping[str, str]] = {
    "connect": "to the open socket",
    "ready": "to the session that can be used",
    "speech_heard": "append to speech_started",
    "first_audio": "end of speech to first sound",
    "barge_in": "interruption to silence",
    "transcript": "end of speech to transcript",
}
"""The delays of a level, and what each is of."""


class DelayFigures(Struct, frozen=True, kw_only=True):
    """Of one delay, in milliseconds. A percentile of so few values that it would be the longest is None."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float

    @staticmethod
    def of(values: Sequence[float]) -> DelayFigures | None:
        """The figures of some values; None of none."""
        if not values:
            return None
        return DelayFigures(
            count=len(values),
            p50=_percentile(values, 50),
            p95=_percentile(values, 95),
            p99=_percentile(values, 99),
            max=round(max(values), 1),
        )

    def at(self, statistic: str) -> float | None:
        """The value of a statistic, in the words of a `Threshold`."""
        match statistic:
            case "median" | "p50":
                return self.p50
            case "p95":
                return self.p95
            case "p99":
                return self.p99
            case "count":
                return self.count
            case _:
                return self.max


class LevelReport(Struct, frozen=True, kw_only=True):
    """One level."""

    calls: int
    """How many were wanted at once."""
    rate_per_s: float | None = None
    """Of a level at which calls come at times of their own."""
    began: int
    """Calls that were begun: others follow those that are over."""
    calls_up: float
    """How many were up, on average of the window."""
    window_s: float
    turns: int
    answers: int
    lost: int
    """Turns that were not answered in time. They have no delay, and are never 0 ms."""
    unheard_barge_ins: int
    connect: DelayFigures | None
    ready: DelayFigures | None
    speech_heard: DelayFigures | None
    first_audio: DelayFigures | None
    barge_in: DelayFigures | None
    transcript: DelayFigures | None
    underruns: int
    """How often an answer stood still because what was due had not come."""
    errors: dict[str, int]
    closes: dict[str, int]
    refused: dict[str, int]
    sent_kb_per_s: float
    received_kb_per_s: float
    generator_late_p99_ms: float | None
    generator_cpu_share: float
    """Of one core."""
    not_measured: str | None
    """Why the figures are not the server's; None if they are."""

    @property
    def failures(self) -> list[str]:
        """What went wrong, in words: nothing of it may happen in a level that is held."""
        found = [f"{self.lost} of {self.turns} turns were not answered"] if self.lost else []
        found += [f"{count} × error {code}" for code, count in self.errors.items()]
        found += [f"{count} × closed with {code}" for code, count in self.closes.items()]
        found += [f"{count} × refused: {why}" for why, count in self.refused.items()]
        if not self.turns and not found:
            found.append("no turn ended in the window: hold it longer")
        return found

    def broken(self, limits: Mapping[str, Sequence[Threshold]]) -> list[str]:
        """The limits that do not hold, in words. A lost answer is endlessly late, and breaks every limit of it."""
        found: list[str] = []
        for name, thresholds in limits.items():
            figures: DelayFigures | None = getattr(self, name)
            for each in thresholds:
                value = figures.at(each.statistic) if figures is not None else None
                if name == "first_audio" and self.lost and self._reaches(each):
                    value = inf
                if value is None:
                    found.append(f"{name} {each.text}: not enough turns")
                elif not each.holds(value):
                    told = "no answer" if value == inf else f"{value:g} ms"
                    found.append(f"{name} {each.text}: {told}")
        return found

    def _reaches(self, threshold: Threshold) -> bool:
        """Whether the lost answers are among the slowest that the statistic is about."""
        percent = 100.0 if threshold.percent is None else threshold.percent
        return (self.turns - self.lost) * 100 < self.turns * percent

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-ready data."""
        content: dict[str, Any] = msgspec.to_builtins(self)
        return content


def report_of(samples: LevelSamples, *, calls: int, rate_per_s: float | None = None) -> LevelReport:
    """The figures of a level."""
    window_s = samples.window_s or 1.0
    late_ms = lateness_of(samples, 99)
    return LevelReport(
        calls=calls,
        rate_per_s=rate_per_s,
        began=samples.began,
        calls_up=round(samples.up_s / window_s, 1),
        window_s=round(samples.window_s, 2),
        turns=samples.turns,
        answers=samples.answers,
        lost=samples.lost,
        unheard_barge_ins=samples.unheard_barge_ins,
        connect=DelayFigures.of(samples.connect),
        ready=DelayFigures.of(samples.ready),
        speech_heard=DelayFigures.of(samples.speech_heard),
        first_audio=DelayFigures.of(samples.first_audio),
        barge_in=DelayFigures.of(samples.barge_in),
        transcript=DelayFigures.of(samples.transcript),
        underruns=len(samples.underrun),
        errors=samples.errors,
        closes=samples.closes,
        refused=samples.refused,
        sent_kb_per_s=round(samples.sent_bytes / 1000 / window_s, 1),
        received_kb_per_s=round(samples.received_bytes / 1000 / window_s, 1),
        generator_late_p99_ms=None if late_ms is None else round(late_ms, 2),
        generator_cpu_share=round(samples.cpu_s / window_s, 3),
        not_measured=_why_not(late_ms),
    )


def _why_not(late_ms: float | None) -> str | None:
    if late_ms is None or late_ms <= MAX_LATE_MS:
        return None
    return (
        f"the generator was late itself: 1 in 100 pieces by {late_ms:.0f} ms or more, and {MAX_LATE_MS:g} are allowed"
    )


def _percentile(values: Sequence[float], percent: float) -> float | None:
    needed = ceil(round(100 / (100 - percent), 6))
    return round(percentile(values, percent), 1) if len(values) >= needed else None
