"""The server: an ASGI application for any realtime client, with speech engines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duologue.server.allowances import Allowance
    from duologue.server.app import RealtimeApp, app
    from duologue.server.descriptors import raise_descriptor_limit
    from duologue.server.http.authentication import Authenticate, Principal
    from duologue.server.http.key_file import NamedKey, read_key_file
    from duologue.server.http.paths import PATH
    from duologue.server.inspector.inspector import Inspector
    from duologue.server.inspector.web_server import serving_inspector
    from duologue.server.limits import Limits, limits_of
    from duologue.server.live.session import LiveServerSession
    from duologue.server.mcp.servers import McpAccess
    from duologue.server.open_sessions import DrainManner
    from duologue.server.recordings.recording_folder import RecordingFolder
    from duologue.server.relay.relay import Relay
    from duologue.server.relay.upstream import OpenLiveUpstream, OpenUpstream, Upstream
    from duologue.server.run.process import loop_factory, tune_process
    from duologue.server.run.runner import serve
    from duologue.server.run.tls import tls_context
    from duologue.server.session.session import ServerSession
    from duologue.server.session_start import LiveRequest, SessionStart
    from duologue.server.tap.taps import SessionTap, Tap
    from duologue.server.telemetry.observer import Observer, SessionObserver

__all__ = [
    "PATH",
    "Allowance",
    "Authenticate",
    "DrainManner",
    "Inspector",
    "Limits",
    "LiveRequest",
    "LiveServerSession",
    "McpAccess",
    "NamedKey",
    "Observer",
    "OpenLiveUpstream",
    "OpenUpstream",
    "Principal",
    "SessionStart",
    "RealtimeApp",
    "RecordingFolder",
    "Relay",
    "ServerSession",
    "SessionObserver",
    "SessionTap",
    "Tap",
    "Upstream",
    "app",
    "limits_of",
    "loop_factory",
    "raise_descriptor_limit",
    "read_key_file",
    "serve",
    "serving_inspector",
    "tune_process",
    "tls_context",
]

_LAZY: Final = {
    "Allowance": "duologue.server.allowances",
    "Authenticate": "duologue.server.http.authentication",
    "DrainManner": "duologue.server.open_sessions",
    "Inspector": "duologue.server.inspector.inspector",
    "Limits": "duologue.server.limits",
    "LiveRequest": "duologue.server.session_start",
    "LiveServerSession": "duologue.server.live.session",
    "McpAccess": "duologue.server.mcp.servers",
    "NamedKey": "duologue.server.http.key_file",
    "Observer": "duologue.server.telemetry.observer",
    "OpenLiveUpstream": "duologue.server.relay.upstream",
    "OpenUpstream": "duologue.server.relay.upstream",
    "PATH": "duologue.server.http.paths",
    "Principal": "duologue.server.http.authentication",
    "RealtimeApp": "duologue.server.app",
    "RecordingFolder": "duologue.server.recordings.recording_folder",
    "Relay": "duologue.server.relay.relay",
    "ServerSession": "duologue.server.session.session",
    "SessionObserver": "duologue.server.telemetry.observer",
    "SessionStart": "duologue.server.session_start",
    "SessionTap": "duologue.server.tap.taps",
    "Tap": "duologue.server.tap.taps",
    "Upstream": "duologue.server.relay.upstream",
    "app": "duologue.server.app",
    "limits_of": "duologue.server.limits",
    "loop_factory": "duologue.server.run.process",
    "raise_descriptor_limit": "duologue.server.descriptors",
    "read_key_file": "duologue.server.http.key_file",
    "serve": "duologue.server.run.runner",
    "serving_inspector": "duologue.server.inspector.web_server",
    "tls_context": "duologue.server.run.tls",
    "tune_process": "duologue.server.run.process",
}
"""Imported at first use: the parent of several workers needs little of the server, and should take little memory."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'duologue.server' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
