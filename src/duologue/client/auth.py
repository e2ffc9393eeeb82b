"""How a key is sent to a server: in a header, in the query, or as a sub-protocol."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from duologue.dialects import PROFILES
from duologue.dialects.profile import Auth

__all__ = ["Auth", "Credentials", "credentials_for", "usual_auth"]

_QUERY_NAMES: Final[Mapping[str, str]] = {
    "azure-preview": "api-key",
    "azure-voice-live": "api-key",
    "inworld": "key",
}
"""The query parameter of the key, by dialect; all others that take one call it `api_key`."""

_SUBPROTOCOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "xai": ("xai-client-secret.",),
    "openai-beta": ("realtime", "openai-insecure-api-key.", "openai-beta.realtime-v1"),
}
_USUAL_SUBPROTOCOLS: Final = ("realtime", "openai-insecure-api-key.")
"""The key is appended to a name that ends in a dot. Published by OpenAI and xAI:
https://developers.openai.com/api/docs/guides/realtime-websocket,
https://docs.x.ai/developers/model-capabilities/audio/ephemeral-tokens"""
_LIVE_SUBPROTOCOLS: Final = ("openai-live", "openai-insecure-api-key.")
"""Published by KugelAudio: https://docs.kugelaudio.com/speech-to-speech/openai-compatibility. Live endpoints do not
take the name `realtime`."""

_AZURE: Final = "azure.com"


class Credentials(Struct, frozen=True, kw_only=True):
    """The parts of a handshake that authenticate the caller. Holds the key; its repr does not show it."""

    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    subprotocols: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Credentials(…)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return []


def usual_auth(dialect: str, url: str, api_key: str) -> Auth:
    """How a server of this dialect, of Realtime or of Live, expects this key.

    Azure takes its own keys in the header `api-key`, and tokens of Entra, which are JWTs, as bearer tokens.
    """
    if f".{urlsplit(url).hostname}".endswith(f".{_AZURE}"):
        return "bearer" if api_key.startswith("eyJ") and api_key.count(".") == 2 else "api-key"
    # The caller gave a key, so a server that needs none gets it too.
    ways: list[Auth] = [way for way in _ways_of(dialect) if way != "none"]
    return ways[0] if ways else "bearer"


def credentials_for(api_key: str, auth: Auth, *, dialect: str) -> Credentials:
    """The key as a server of this dialect, of Realtime or of Live, expects it."""
    match auth:
        case "bearer" | "jwt":
            return Credentials(headers={"Authorization": f"Bearer {api_key}"})
        case "api-key":
            return Credentials(headers={"api-key": api_key})
        case "basic":
            # Keys from services are encoded already; a name and a password (RFC 7617) are not.
            encoded = b64encode(api_key.encode()).decode() if ":" in api_key else api_key
            return Credentials(headers={"Authorization": f"Basic {encoded}"})
        case "query":
            return Credentials(query={_QUERY_NAMES.get(dialect, "api_key"): api_key})
        case "subprotocol":
            usual = _USUAL_SUBPROTOCOLS if dialect in PROFILES else _LIVE_SUBPROTOCOLS
            names = _SUBPROTOCOLS.get(dialect, usual)
            return Credentials(subprotocols=tuple(name + api_key if name.endswith(".") else name for name in names))
        case "none":
            return Credentials()


def _ways_of(dialect: str) -> tuple[Auth, ...]:
    if dialect in PROFILES:
        return PROFILES[dialect].auth
    from duologue.dialects import LIVE_PROFILES  # at its first use, as all of Live

    return LIVE_PROFILES[dialect].auth
