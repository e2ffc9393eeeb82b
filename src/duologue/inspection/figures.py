"""Figures over all turns of a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from msgspec import Struct

from duologue.inspection.view import CallView

__all__ = ["AT_LEAST", "CallFigures", "FigureSummary", "figures_of", "percentile", "summary_of"]

N = TypeVar("N", int, float)

AT_LEAST: Final = 20
"""Turns for a median and a percentile: of fewer, the 95th percentile is the longest."""


class FigureSummary(Struct, frozen=True, kw_only=True):
    """Of one figure, in milliseconds."""

    count: int
    """Turns that have the figure."""
    shortest: int
    longest: int
    median: int | None
    """None below 20 turns, as `p95`."""
    p95: int | None


class CallFigures(Struct, frozen=True, kw_only=True):
    """What is read first of a call. None where no turn has the figure."""

    turns: int
    withheld: int
    """Turns of which the end of speech is not known."""
    endpointing: FigureSummary | None
    first_text: FigureSummary | None
    first_audio: FigureSummary | None
    first_heard: FigureSummary | None
    transcript: FigureSummary | None
    tool: FigureSummary | None
    interruptions: int
    interrupt_yield: FigureSummary | None
    """From the user's speech to silence."""
    underruns: int
    errors: int


def figures_of(view: CallView) -> CallFigures:
    """The figures of a call, over its turns; delays are in milliseconds.

    >>> from duologue.inspection import CallFold
    >>> figures_of(CallFold().view).turns
    0
    """
    turns = view.turns
    return CallFigures(
        turns=len(turns),
        withheld=sum(turn.withheld is not None for turn in turns),
        endpointing=summary_of([turn.endpointing_ms for turn in turns]),
        first_text=summary_of([turn.first_text_ms for turn in turns]),
        first_audio=summary_of([turn.first_audio_ms for turn in turns]),
        first_heard=summary_of([turn.first_heard_ms for turn in turns]),
        transcript=summary_of([turn.transcript_ms for turn in turns]),
        tool=summary_of([tool.duration_ms for tool in view.tools]),
        interruptions=len(view.interruptions),
        interrupt_yield=summary_of([each.yield_ms for each in view.interruptions]),
        underruns=sum(part.underruns for part in view.heard),
        errors=len(view.errors),
    )


def summary_of(values: Sequence[int | None]) -> FigureSummary | None:
    """The summary of those that are known; None if none is."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    enough = len(known) >= AT_LEAST
    return FigureSummary(
        count=len(known),
        shortest=known[0],
        longest=known[-1],
        median=percentile(known, 50) if enough else None,
        p95=percentile(known, 95) if enough else None,
    )


def percentile(values: Sequence[N], percent: float) -> N:
    """The smallest value that so many percent of the values do not exceed: the nearest rank."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]
