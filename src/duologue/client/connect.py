"""Opens sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from duologue.client.connection import Connection
from duologue.errors import ConnectFailed
from duologue.transports import Transport

__all__ = ["connect", "session_url"]

_DEFAULT_PATH: Final = "/v1/realtime"
_SCHEMES: Final = {"http": "ws", "https": "wss"}


@asynccontextmanager
async def connect(
    url: str = "",
    *,
    model: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    dialect: str = "openai",
    transport: Transport | None = None,
    open_timeout_s: float = 10.0,
) -> AsyncGenerator[Connection, None]:
    """A session with the realtime server at `url`, for the length of an `async with` block.

    A URL without a path gets `/v1/realtime`; `model` goes into its query, `api_key` into a bearer header. With a
    `transport` (an end of `memory_pair()`, a recorder) that is used and nothing is opened. Leaving the block sends
    what is waiting, closes, and leaves no task behind; if it is left by an exception, nothing more is sent.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    if transport is None:
        # Here, because a client over another transport does without the WebSocket library.
        from duologue.transports.websocket import open_websocket

        authorisation = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        transport = await open_websocket(
            session_url(url, model=model), headers={**authorisation, **(headers or {})}, open_timeout_s=open_timeout_s
        )
    connection = Connection(transport, dialect=dialect)
    connection.start()
    try:
        yield connection
        await connection.close()
    finally:
        await connection.stop()


def session_url(url: str, *, model: str | None = None) -> str:
    """The WebSocket URL of a session: scheme, path and model filled in where they are missing.

    Raises:
        ConnectFailed: it is no URL at all.
    """
    try:
        parts = urlsplit(url)
    except ValueError as fault:
        raise ConnectFailed(f"this is no URL: {fault}", retryable=False) from fault
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if model is not None:
        query["model"] = model
    path = parts.path if parts.path.strip("/") else _DEFAULT_PATH
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(query), ""))
