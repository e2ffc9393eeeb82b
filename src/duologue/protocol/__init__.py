"""Both sides of the protocol as objects without I/O, clock or task.

Messages and reports go in together with `now`; events to send come out. The asyncio client, the server, the in-memory
pair of the tests and any other event loop use the same objects.
"""

from __future__ import annotations

from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.error_kinds import ErrorKind, classify
from duologue.protocol.client.notices import Notice
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.protocol import ClientProtocol
from duologue.protocol.client.recovery.reconnect import Reconnection, ReconnectPolicy
from duologue.protocol.client.responses.requests import Resolution, ResponseRequest
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.server.commands import (
    Close,
    Command,
    Detect,
    DiscardAhead,
    IllegalTransition,
    ListMcpTools,
    McpCall,
    Respond,
    StopResponse,
    ToleratedFault,
    Transcribe,
    TranscribeAhead,
    TranscribePartial,
)
from duologue.protocol.server.defaults import SessionDefaults
from duologue.protocol.server.protocol import ServerProtocol
from duologue.protocol.server.responses.forced import ForcedMessage
from duologue.protocol.server.session import SessionKind

__all__ = [
    "ClientProtocol",
    "Close",
    "Command",
    "ConversationCore",
    "CoreOptions",
    "Detect",
    "ErrorKind",
    "ForcedMessage",
    "TranscribePartial",
    "TranscribeAhead",
    "IllegalTransition",
    "ToleratedFault",
    "ListMcpTools",
    "McpCall",
    "Notice",
    "DiscardAhead",
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
