"""Requests as an ASGI server hands them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def scope(
    *, query: str = "", headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] = (), **others: Any
) -> dict[str, Any]:
    """A handshake."""
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return {
        "type": "websocket",
        "path": "/v1/realtime",
        "query_string": query.encode(),
        "headers": pairs,
        "subprotocols": list(subprotocols),
        "client": ("192.0.2.7", 5000),
        **others,
    }
