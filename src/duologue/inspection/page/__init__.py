"""The page of a call: one HTML file with waveforms, lanes, figures and frames, which is opened without a network."""

from __future__ import annotations

from duologue.inspection.page.audio_pieces import AUDIO_CHOICES, AudioChoice
from duologue.inspection.page.builder import BuiltPage, CallSource, OtherCall, PageOptions, build_page, call_content
from duologue.inspection.page.comparison import NotComparable
from duologue.inspection.page.document import Document, policy
from duologue.inspection.page.exports import EXPORTS, ExportKind, export_call
from duologue.inspection.page.fold import LaneFold, LineChanges
from duologue.inspection.page.redaction import REDACTIONS, Redacted, Redaction
from duologue.inspection.page.sounds import FileStore

__all__ = [
    "AUDIO_CHOICES",
    "EXPORTS",
    "REDACTIONS",
    "AudioChoice",
    "BuiltPage",
    "CallSource",
    "Document",
    "ExportKind",
    "FileStore",
    "LaneFold",
    "LineChanges",
    "NotComparable",
    "OtherCall",
    "PageOptions",
    "Redacted",
    "Redaction",
    "build_page",
    "call_content",
    "export_call",
    "policy",
]
