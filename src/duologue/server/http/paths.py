"""Where the WebSocket is: at the hosted service's path, and at those that clients of Azure cannot be talked out of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.transports.asgi import Scope

__all__ = ["AZURE", "PATH", "PATHS", "path_of"]

PATH: Final = "/v1/realtime"

AZURE: Final = "/openai"
"""What Azure has in front of the hosted service's paths."""

PATHS: Final[Mapping[str, str | None]] = {
    PATH: None,
    f"{AZURE}{PATH}": None,
    f"{AZURE}/realtime": "azure-preview",
    "/voice-live/realtime": "azure-voice-live",
}
"""Every path of the WebSocket, and the dialect that only its clients speak; None where the path says nothing of it.

Clients of Azure are given a host and add the path themselves.
"""


def path_of(scope: Scope) -> str:
    """The path inside this application: a mount puts what leads to it in front, and names it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
