"""duologue: typed realtime voice. `docs/architecture.md` shows how it is built."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duologue import blocking, events, notices, sound
    from duologue.client import Answer, Connection, Conversation, Endpoint, connect, converse
    from duologue.client.live import Delegation, Live, LiveSideband, attach_live, fork_live, live
    from duologue.client.tool_context import ToolContext
    from duologue.client.translation import SpeechTranslation, translate
    from duologue.codec import decode, encode
    from duologue.errors import (
        AuthenticationFailed,
        ConnectFailed,
        ConnectionClosed,
        ConnectionClosedError,
        ConnectionClosedOK,
        DecodeError,
        DuologueError,
        ModelNotFound,
        NotConnected,
        RequestRejected,
        SessionLost,
    )
    from duologue.events import UNSET, RealtimeEvent, UnknownRealtimeEvent
    from duologue.protocol.client.options import CoreOptions
    from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
    from duologue.protocol.client.responses.silence import SilenceLimits
    from duologue.protocol.client.tools.toolbox import Toolbox, ToolFunction, ToolProblem
    from duologue.protocol.live.client.options import LiveOptions
    from duologue.protocol.liveness import RotationLimits
    from duologue.transports.socket_options import SocketOptions

__version__ = "0.2.0"
"""The version of the package."""

__all__ = [
    "UNSET",
    "Answer",
    "AuthenticationFailed",
    "ConnectFailed",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Conversation",
    "CoreOptions",
    "DecodeError",
    "DuologueError",
    "Delegation",
    "Endpoint",
    "Live",
    "LiveOptions",
    "LiveSideband",
    "ModelNotFound",
    "NotConnected",
    "RealtimeEvent",
    "ReconnectPolicy",
    "RequestRejected",
    "RotationLimits",
    "SessionLost",
    "SilenceLimits",
    "SocketOptions",
    "SpeechTranslation",
    "ToolContext",
    "ToolFunction",
    "ToolProblem",
    "Toolbox",
    "UnknownRealtimeEvent",
    "__version__",
    "attach_live",
    "blocking",
    "connect",
    "converse",
    "decode",
    "encode",
    "events",
    "fork_live",
    "live",
    "notices",
    "sound",
    "translate",
]

_LAZY: Final = {
    "UNSET": "duologue.events",
    "RealtimeEvent": "duologue.events",
    "UnknownRealtimeEvent": "duologue.events",
    "decode": "duologue.codec",
    "encode": "duologue.codec",
    **dict.fromkeys(
        (
            "AuthenticationFailed",
            "ConnectFailed",
            "ConnectionClosed",
            "ConnectionClosedError",
            "ConnectionClosedOK",
            "DecodeError",
            "DuologueError",
            "ModelNotFound",
            "NotConnected",
            "RequestRejected",
            "SessionLost",
        ),
        "duologue.errors",
    ),
    "live": "duologue.client.live",
    "fork_live": "duologue.client.live",
    "attach_live": "duologue.client.live",
    "Delegation": "duologue.client.live",
    "LiveSideband": "duologue.client.live",
    "LiveOptions": "duologue.protocol.live.client.options",
    "Live": "duologue.client.live",
    "Answer": "duologue.client",
    "Connection": "duologue.client",
    "Conversation": "duologue.client",
    "CoreOptions": "duologue.protocol.client.options",
    "Endpoint": "duologue.client",
    "ReconnectPolicy": "duologue.protocol.client.recovery.reconnect",
    "RotationLimits": "duologue.protocol.liveness",
    "SilenceLimits": "duologue.protocol.client.responses.silence",
    "SocketOptions": "duologue.transports.socket_options",
    "ToolContext": "duologue.client.tool_context",
    "ToolFunction": "duologue.protocol.client.tools.toolbox",
    "ToolProblem": "duologue.protocol.client.tools.toolbox",
    "Toolbox": "duologue.protocol.client.tools.toolbox",
    "connect": "duologue.client",
    "converse": "duologue.client",
    "SpeechTranslation": "duologue.client.translation",
    "translate": "duologue.client.translation",
}
"""Where a name is imported from at its first use.

Every import of a module of the package runs this one first, and pytest imports the plugin in each run of a project that
has duologue installed: what is imported here would be paid for there, needed or not (the events alone are 45 ms). The
client also imports asyncio and a WebSocket library, which a program that only reads events does without.
"""

_LAZY_MODULES: Final = frozenset({"blocking", "codec", "dialects", "errors", "events", "notices", "sound"})
"""Modules that `import duologue` alone gives; the others have an import of their own."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
    elif name in _LAZY_MODULES:
        value = import_module(f"duologue.{name}")
    else:
        raise AttributeError(f"module 'duologue' has no attribute {name!r}")
    globals()[name] = value  # the next use is a plain look-up
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
