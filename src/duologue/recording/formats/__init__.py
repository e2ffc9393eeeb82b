"""Files of frames as people have them, besides our own recordings: HAR, logs, JSON lines, arrays and envelopes."""

from __future__ import annotations

from duologue.recording.formats.formats import FORMATS, FrameFile, FrameFormat
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.found_recording import FoundRecording
from duologue.recording.formats.source import STANDARD_INPUT, name_of

__all__ = ["FORMATS", "STANDARD_INPUT", "FrameFormat", "FoundFrame", "FoundRecording", "FrameFile", "name_of"]
