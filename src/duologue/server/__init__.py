"""The server: an ASGI application for any realtime client, with speech engines."""

from __future__ import annotations

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
from duologue.server.run.runner import loop_factory, serve, tune_process
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
