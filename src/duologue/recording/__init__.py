"""Sessions on disk: the format, a transport that writes one and a transport that plays one."""

from __future__ import annotations

from duologue.recording.format import VERSION, Direction, Frame, Header, RecordingReader, RecordingWriter, Side
from duologue.recording.recorder import RecordingTransport
from duologue.recording.replayer import ReplayTransport

__all__ = [
    "VERSION",
    "Direction",
    "Frame",
    "Header",
    "RecordingReader",
    "RecordingTransport",
    "RecordingWriter",
    "ReplayTransport",
    "Side",
]
