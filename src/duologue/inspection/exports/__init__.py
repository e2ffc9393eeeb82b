"""A folded call for other programs: sound for an editor, labels for Audacity, a trace for Perfetto."""

from __future__ import annotations

from duologue.inspection.exports.export import EXPORTS, exported
from duologue.inspection.exports.stereo import CannotExport

__all__ = ["EXPORTS", "CannotExport", "exported"]
