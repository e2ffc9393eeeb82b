"""A Live session on the server, without I/O: one protocol, and a part for each thing that it keeps."""

from __future__ import annotations

from duologue.protocol.live.server.commands import (
    DELEGATE,
    LiveCommand,
    LiveMessage,
    LiveReply,
    StopReply,
    TranscribeUtterance,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.outgoing import ALL, PRIMARY, SIDEBANDS, LiveOutgoing
from duologue.protocol.live.server.protocol import LiveServerProtocol
from duologue.protocol.live.server.stored import StoredLiveSession

__all__ = [
    "ALL",
    "DELEGATE",
    "PRIMARY",
    "SIDEBANDS",
    "LiveCommand",
    "LiveDefaults",
    "LiveMessage",
    "LiveOutgoing",
    "LiveReply",
    "LiveServerProtocol",
    "StopReply",
    "StoredLiveSession",
    "TranscribeUtterance",
]
