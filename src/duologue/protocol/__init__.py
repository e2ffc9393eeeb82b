"""What is legal now, and what it means: both sides of the protocol as objects without I/O, clock or task.

A side is driven with a handful of verbs. Messages and reports go in together with `now`; events to send come out. The
same objects serve the asyncio shells, the in-memory pair of the tests, and anybody's own loop.
"""

from __future__ import annotations

from duologue.protocol.client import ClientProtocol
from duologue.protocol.commands import (
    Close,
    Command,
    Detect,
    Follow,
    Foresee,
    IllegalTransition,
    LetPass,
    ListMcpTools,
    McpCall,
    Recall,
    Respond,
    StopResponse,
    Transcribe,
)
from duologue.protocol.core import ConversationCore, CoreOptions
from duologue.protocol.defaults import SessionDefaults
from duologue.protocol.error_kinds import ErrorKind, classify
from duologue.protocol.notices import Notice
from duologue.protocol.reconnecting import Reconnection, ReconnectPolicy
from duologue.protocol.requests import Resolution, ResponseRequest
from duologue.protocol.server import ServerProtocol
from duologue.protocol.session import SessionKind
from duologue.protocol.toolbox import Toolbox

__all__ = [
    "ClientProtocol",
    "Close",
    "Command",
    "ConversationCore",
    "CoreOptions",
    "Detect",
    "ErrorKind",
    "Follow",
    "Foresee",
    "IllegalTransition",
    "LetPass",
    "ListMcpTools",
    "McpCall",
    "Notice",
    "Recall",
    "ReconnectPolicy",
    "Reconnection",
    "Resolution",
    "Respond",
    "ResponseRequest",
    "ServerProtocol",
    "SessionDefaults",
    "SessionKind",
    "StopResponse",
    "Toolbox",
    "Transcribe",
    "classify",
]
