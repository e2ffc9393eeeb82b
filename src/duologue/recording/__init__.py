"""Sessions on disk: the format, a transport that records a session, and one that replays a recording."""

from __future__ import annotations

from duologue.recording.conversation import RecordedConversation
from duologue.recording.lines import (
    VERSION,
    ClosedBy,
    ClosedLine,
    ConnectedLine,
    Direction,
    EngineNote,
    ExchangeLine,
    FaultNote,
    Frame,
    Header,
    LegKind,
    LegLine,
    MarkNote,
    Note,
    NoteLine,
    PlaybackNote,
    RecordingLine,
    SessionFamily,
    Side,
    Step,
    ToolNote,
    UnknownLine,
    UnknownNote,
)
from duologue.recording.reader import RecordingReader
from duologue.recording.recorder import MessageLog, RecordingTransport
from duologue.recording.replayer import ReplayTransport
from duologue.recording.writer import RecordingTarget, RecordingWriter

__all__ = [
    "VERSION",
    "ClosedBy",
    "ClosedLine",
    "ConnectedLine",
    "Direction",
    "EngineNote",
    "ExchangeLine",
    "FaultNote",
    "Frame",
    "Header",
    "LegKind",
    "LegLine",
    "MarkNote",
    "MessageLog",
    "Note",
    "NoteLine",
    "PlaybackNote",
    "RecordedConversation",
    "RecordingLine",
    "RecordingReader",
    "RecordingTarget",
    "RecordingTransport",
    "RecordingWriter",
    "ReplayTransport",
    "SessionFamily",
    "Side",
    "Step",
    "ToolNote",
    "UnknownLine",
    "UnknownNote",
]
