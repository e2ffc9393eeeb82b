"""The paths of the WebSocket: the hosted service's path, and the fixed paths of Azure clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from duologue.transports.asgi import Scope

__all__ = ["AZURE", "PATH", "PATHS", "TRANSLATION_PATH", "is_translation", "path_of"]

PATH: Final = "/v1/realtime"

TRANSLATION_PATH: Final = f"{PATH}/translations"
"""Where translation sessions are; no dialect has other paths."""

AZURE: Final = "/openai"
"""Azure's prefix of the hosted service's paths."""

PATHS: Final[Mapping[str, str | None]] = {
    PATH: None,
    f"{AZURE}{PATH}": None,
    f"{AZURE}/realtime": "azure-preview",
    "/voice-live/realtime": "azure-voice-live",
    TRANSLATION_PATH: None,
    f"{AZURE}{TRANSLATION_PATH}": None,
}
"""Every path of the WebSocket, and the dialect that it implies; None: it implies none.

Azure clients are configured with a host and add the path themselves.
"""


def path_of(scope: Scope) -> str:
    """The path inside this application, without the `root_path` of a mount."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def is_translation(scope: Scope) -> bool:
    """Whether the client wants a translation session."""
    return path_of(scope).endswith(TRANSLATION_PATH)
