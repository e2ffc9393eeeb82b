"""Whether calls keep to limits: thresholds in words, what they are judged by, and one finding for each."""

from __future__ import annotations

from duologue.inspection.gate.findings import Judgement, judged
from duologue.inspection.gate.samples import FIGURES, GateFigure, JudgedCall, Sample, samples_of
from duologue.inspection.gate.thresholds import Threshold, thresholds_in

__all__ = [
    "FIGURES",
    "Judgement",
    "GateFigure",
    "JudgedCall",
    "Sample",
    "Threshold",
    "judged",
    "samples_of",
    "thresholds_in",
]
