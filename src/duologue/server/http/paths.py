"""The paths of the WebSocket: the hosted service's path, and the fixed paths of Azure clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, cast

from duologue.server.http.auth import query
from duologue.server.session_start import LiveRequest
from duologue.transports.asgi import Scope

__all__ = [
    "AZURE",
    "CALLS_PATH",
    "LIVE_PATH",
    "PATH",
    "PATHS",
    "TRANSLATION_PATH",
    "is_translation",
    "live_request_of",
    "path_of",
    "right_path",
    "top_of",
    "url_of",
]

PATH: Final = "/v1/realtime"
"""The path of Realtime sessions over a WebSocket."""

TRANSLATION_PATH: Final = f"{PATH}/translations"
"""Where translation sessions are; no dialect has other paths."""

AZURE: Final = "/openai"
"""Azure's prefix of the hosted service's paths."""

PATHS: Final[Mapping[str, str | None]] = {
    PATH: None,
    f"{AZURE}{PATH}": None,
    f"{AZURE}/realtime": "azure-preview",
    "/voice-live/realtime": "azure-voice-live",
}
"""Every path of Realtime sessions, and the dialect that it implies; None: it implies none.

Azure clients are configured with a host and add the path themselves.
"""


LIVE_PATH: Final = "/v1/live/sessions"
"""Where Live sessions begin; the paths of sidebands and forks are below it."""

CALLS_PATH: Final = f"{PATH}/calls"
"""Where calls over WebRTC are made; what is done to a call is below it."""

_LIVE: Final = re.compile(rf"(?:{AZURE})?{LIVE_PATH}(?:/(?P<id>[^/]{{1,128}})/(?P<verb>attach|fork))?")


def live_request_of(scope: Scope) -> LiveRequest | None:
    """What the client of a Live path wants; None for any other path."""
    found = _LIVE.fullmatch(path_of(scope))
    if found is None:
        return None
    verb = cast("Literal['attach', 'fork'] | None", found["verb"])
    graceful = query(scope).get("graceful_close", [""])[-1].lower() == "true"
    return LiveRequest(verb=verb or "start", session_id=found["id"] or "", graceful_close=graceful)


def right_path(scope: Scope) -> str:
    """The path of the WebSocket that a client at a wrong path looks for, as it is seen from outside."""
    root: str = scope.get("root_path", "")
    return root + (LIVE_PATH if "/live" in path_of(scope) else PATH)


def path_of(scope: Scope) -> str:
    """The path inside this application, without the `root_path` of a mount."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def top_of(scope: Scope) -> str:
    """The first part of the path, without slashes; empty where there is none."""
    return path_of(scope)[1:].partition("/")[0] if "path" in scope else ""


def url_of(scope: Scope) -> str:
    """The URL that a client has connected to, at the server's own address: the client's name for it may be any."""
    host, port = scope.get("server") or ("localhost", None)
    host = f"[{host}]" if ":" in host else host
    queried = scope.get("query_string", b"").decode("latin-1")
    where = f"{host}:{port}" if port else host
    return f"{scope.get('scheme', 'ws')}://{where}{scope['path']}" + (f"?{queried}" if queried else "")


def is_translation(scope: Scope) -> bool:
    """Whether the client wants a translation session."""
    return path_of(scope).removeprefix(AZURE) == TRANSLATION_PATH
