"""Files of frames as people have them, besides our own recordings: HAR, logs, JSON lines, arrays and envelopes."""

from __future__ import annotations

from duologue.recording.formats.formats import FORMATS, Format, FrameFile
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.source import STANDARD_INPUT, name_of

__all__ = ["FORMATS", "STANDARD_INPUT", "Format", "FoundFrame", "FrameFile", "name_of"]
