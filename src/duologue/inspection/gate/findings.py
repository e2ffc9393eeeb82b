"""Judges calls by thresholds: one finding for each, in a sentence that names the turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, inf
from typing import Final

from msgspec import Struct

from duologue.inspection.figures import AT_LEAST, percentile
from duologue.inspection.gate.samples import FIGURES, JudgedCall, Sample, samples_of
from duologue.inspection.gate.thresholds import Threshold

__all__ = ["Judgement", "judged"]


class Judgement(Struct, frozen=True, kw_only=True):
    """Whether one limit holds."""

    figure: str
    threshold: str
    holds: bool
    value: float | None
    """In milliseconds, or a count. None where nothing was measured, or the answer never came."""
    count: int
    """Turns, or other things, that it was judged by."""
    sentence: str
    """What was found, and where a limit does not hold, in which turn of which call."""
    call: str | None = None
    what: str | None = None
    at_s: float | None = None
    """Where to look, if the limit does not hold."""
    left_out: int = 0
    """Turns without the figure for which the limit is no question."""


def judged(
    calls: Sequence[JudgedCall], limits: Mapping[str, Sequence[Threshold]], *, at_least: int | None = None
) -> list[Judgement]:
    """A finding for each limit of each figure (a name in `FIGURES`), in their order.

    A turn without an answer breaks each limit that is below the time it waited; a percentile counts it as the slowest.
    A median or a percentile needs 20 turns, one above the 95th more (the 99th: 100), since of fewer it would be the
    slowest turn; other limits need one. `at_least` replaces these numbers; 0: a limit holds where nothing was measured.
    """
    findings: list[Judgement] = []
    for figure, thresholds in limits.items():
        samples, several = samples_of(calls, figure), len(calls) > 1
        for each in thresholds:
            if each.statistic == "count":
                findings.append(_counted(figure, each, samples, several=several))
            else:
                needed = _needed(each) if at_least is None else at_least
                findings.append(_measured(figure, each, samples, needed, several=several))
    return findings


def _measured(figure: str, threshold: Threshold, samples: Sequence[Sample], needed: int, *, several: bool) -> Judgement:
    ordered, left_out = _sorted(samples, threshold)
    without = f" ({len(left_out)} without: {_reasons(left_out)})" if left_out else ""
    if len(ordered) < max(1, needed):
        told = _too_few(figure, threshold, len(ordered), needed)
        return _finding(
            figure, threshold, told + without, holds=needed == 0, count=len(ordered), left_out=len(left_out)
        )
    value = _statistic(threshold, [each[0] for each in ordered])
    holds = threshold.holds(value)
    told = f"{_told(threshold, value, ordered, figure)}{without}"
    slowest = ordered[0 if threshold.comparison in (">", ">=") else -1][1]
    if not holds:
        told += f"; {_place(slowest, several=several)}: {slowest.missing or f'{slowest.value_ms} ms'}"
    return _finding(
        figure,
        threshold,
        told,
        holds=holds,
        value=None if value == inf else value,
        count=len(ordered),
        left_out=len(left_out),
        where=slowest,
    )


def _counted(figure: str, threshold: Threshold, samples: Sequence[Sample], *, several: bool) -> Judgement:
    of = FIGURES[figure]
    found = [sample for sample in samples if of.unit == "count" or sample.value_ms is not None]
    holds = threshold.holds(len(found))
    told = of.counted(len(found)) + of.having
    if found and not holds and of.unit == "count":
        told += f": {'' if len(found) == 1 else 'the first is '}{_place(found[0], several=several)}"
    where = found[0] if found and of.unit == "count" else None
    return _finding(figure, threshold, told, holds=holds, value=len(found), count=len(found), where=where)


def _finding(
    figure: str,
    threshold: Threshold,
    sentence: str,
    *,
    holds: bool,
    value: float | None = None,
    count: int,
    left_out: int = 0,
    where: Sample | None = None,
) -> Judgement:
    blamed = None if holds else where
    return Judgement(
        figure=figure,
        threshold=threshold.text,
        holds=holds,
        value=value,
        count=count,
        sentence=sentence,
        call=None if blamed is None else blamed.call,
        what=None if blamed is None else blamed.what,
        at_s=None if blamed is None else blamed.at_s,
        left_out=left_out,
    )


def _sorted(samples: Sequence[Sample], threshold: Threshold) -> tuple[list[tuple[float, Sample]], list[Sample]]:
    """The values by size, with infinity for what did not come within the limit; and the samples that tell nothing."""
    ordered: list[tuple[float, Sample]] = []
    left_out: list[Sample] = []
    for sample in samples:
        if sample.value_ms is not None:
            ordered.append((sample.value_ms, sample))
        elif sample.waited_ms is not None and sample.waited_ms >= threshold.limit:
            ordered.append((inf, sample))
        else:
            left_out.append(sample)
    # Of those that never came, the one that was waited for longest stands last.
    return sorted(ordered, key=lambda each: (each[0], each[1].waited_ms or 0)), left_out


def _statistic(threshold: Threshold, ordered: Sequence[float]) -> float:
    if (percent := threshold.percent) is not None:
        return percentile(ordered, percent)
    return ordered[0 if threshold.statistic == "min" else -1]


def _needed(threshold: Threshold) -> int:
    percent = threshold.percent
    # Of fewer values, the nearest rank of a percentile is the last one.
    return 1 if percent is None else max(AT_LEAST, ceil(round(100 / (100 - percent), 6)))


def _told(threshold: Threshold, value: float, ordered: Sequence[tuple[float, Sample]], figure: str) -> str:
    of = FIGURES[figure].counted(len(ordered))
    if value < inf:
        return f"{threshold.statistic} is {value:g} ms, of {of}"
    return f"{sum(each == inf for each, _ in ordered)} of {of} never had it"


def _too_few(figure: str, threshold: Threshold, found: int, needed: int) -> str:
    of = FIGURES[figure]
    if needed <= 1:
        return f"not measured: there is no {of.noun}{of.having}"
    return f"not enough {of.noun}s: {found}{of.having}, and {threshold.statistic} needs {needed} (see --at-least)"


_SHOWN: Final = 2
"""Reasons in a sentence: with more it would be a report."""


def _reasons(samples: Sequence[Sample]) -> str:
    reasons = list(dict.fromkeys(sample.missing for sample in samples))
    return ", ".join(reasons[:_SHOWN]) + (" …" if len(reasons) > _SHOWN else "")


def _place(sample: Sample, *, several: bool) -> str:
    call = f"{sample.call}, " if several else ""
    return f"{call}{sample.what} at {sample.at_s:.3f} s"
