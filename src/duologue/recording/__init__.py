"""Sessions on disk: the format, a transport that records a session, and one that replays a recording."""

from __future__ import annotations

from duologue.recording.conversation import RecordedConversation
from duologue.recording.format import VERSION, Direction, Frame, Header, RecordingReader, RecordingWriter, Side
from duologue.recording.recorder import RecordingTransport
from duologue.recording.replayer import ReplayTransport

__all__ = [
    "VERSION",
    "Direction",
    "Frame",
    "Header",
    "RecordedConversation",
    "RecordingReader",
    "RecordingTransport",
    "RecordingWriter",
    "ReplayTransport",
    "Side",
]
