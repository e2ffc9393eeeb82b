"""What a call was, folded from its recording: turns, delays, interruptions, functions, errors. No I/O, no drawing.

The commands `inspect`, the assertions of `duologue.testing` and whatever draws a call use the same fold, so they
cannot disagree.
"""

from __future__ import annotations

from duologue.inspection.figures import CallFigures, FigureSummary, figures_of
from duologue.inspection.fold import CallFold
from duologue.inspection.rows import Change, RowKind
from duologue.inspection.sequence import CallEvent
from duologue.inspection.view import (
    CallError,
    CallInterruption,
    CallLegMoment,
    CallMark,
    CallResponse,
    CallTool,
    CallTurn,
    CallView,
    HeardPart,
    PlayedSpan,
    TokenCounts,
)

__all__ = [
    "CallError",
    "CallEvent",
    "CallFigures",
    "CallFold",
    "CallInterruption",
    "CallLegMoment",
    "CallMark",
    "CallResponse",
    "CallTool",
    "CallTurn",
    "CallView",
    "Change",
    "FigureSummary",
    "HeardPart",
    "PlayedSpan",
    "RowKind",
    "TokenCounts",
    "figures_of",
]
