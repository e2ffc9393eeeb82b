"""The page of a call: one HTML file with waveforms, lanes, figures and frames, which is opened without a network."""

from __future__ import annotations

from duologue.inspection.page.audio_pieces import AUDIO_CHOICES, AudioChoice
from duologue.inspection.page.builder import BuiltPage, OtherCall, PageOptions, build_page, call_content, figure_content
from duologue.inspection.page.comparison import NotComparable
from duologue.inspection.page.document import Document, policy
from duologue.inspection.page.fold import LaneFold, LineChanges
from duologue.inspection.page.redaction import REDACTIONS, Redacted, Redaction

__all__ = [
    "AUDIO_CHOICES",
    "REDACTIONS",
    "AudioChoice",
    "BuiltPage",
    "Document",
    "LaneFold",
    "LineChanges",
    "NotComparable",
    "OtherCall",
    "PageOptions",
    "Redacted",
    "Redaction",
    "build_page",
    "call_content",
    "figure_content",
    "policy",
]
