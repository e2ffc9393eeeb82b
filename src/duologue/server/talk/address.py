"""The address of the page to talk to a server, as it is printed."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["TALK_PATH", "talk_address"]

TALK_PATH: Final = "/talk"

_THIS_MACHINE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""A server that listens on all addresses is found at one of them; browsers give the microphone to this machine's."""


def talk_address(url: str, *, inspector: str | None = None) -> str:
    """The page of the server whose WebSocket is at this URL.

    The inspector's address, which is a secret, goes behind the `#`: no server is told that part, and the page links it.
    """
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    scheme = "https" if parts.scheme == "wss" else "http"
    calls = f"#calls={inspector}" if inspector is not None else ""
    return f"{scheme}://{_THIS_MACHINE.get(host, host)}{colon}{port}{TALK_PATH}{calls}"
