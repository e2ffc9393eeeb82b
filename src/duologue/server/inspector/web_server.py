"""Serves pages of what an inspector keeps, to browsers of this machine.

A small server of its own, for requests whose answers may last as long as a call: it can cut one that does not read,
which an ASGI application cannot, and needs no package. Each connection has one request.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

from duologue.errors import DuologueError
from duologue.server.inspector.inspector import Inspector
from duologue.server.inspector.pages import Pages
from duologue.server.inspector.requests import MAX_HEAD_BYTES, Refused, read_request, rest_of_path
from duologue.server.telemetry.log import log_event

__all__ = ["serving_inspector"]

_LAST_PORT: Final = 65_535
_HOST: Final = "127.0.0.1"

_TOKEN_BYTES: Final = 24
"""Random, so that neither other users of the machine nor pages of other sites can guess an address."""

_REQUEST_S: Final = 10.0
"""For a request to arrive: a browser opens connections that it may never use."""

_STALL_S: Final = 5.0
"""For some of an answer to be taken: who looks and does not read is cut, and nothing waits for it."""

_BUFFER_BYTES: Final = 256 * 1024
"""Of an answer, for each connection, before it has to be taken."""

_MAX_CONNECTIONS: Final = 64
"""A browser has six to a server, and eight calls are looked at together."""

_HEADERS: Final = (
    "Cache-Control: no-store",
    "Connection: close",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
    "Referrer-Policy: no-referrer",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
)
"""A page of another site shall neither read, frame nor time it; and the address, which has the token, goes nowhere."""


@asynccontextmanager
async def serving_inspector(inspector: Inspector, *, port: int = 0) -> AsyncGenerator[str, None]:
    """Serve for a block, on 127.0.0.1 alone; yields the address, which is all that it takes to look. Port 0 takes a
    free one. At the end of the block all connections are cut, and what is kept is given up.

    Raises DuologueError: the port cannot be used.
    """
    server = _WebServer(inspector)
    try:
        if not 0 <= port <= _LAST_PORT:  # uvloop takes the number modulo 65,536
            raise OverflowError(f"ports end at {_LAST_PORT}")
        listening = await asyncio.start_server(server.serve, _HOST, port, limit=MAX_HEAD_BYTES)
    except (OSError, OverflowError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise DuologueError(f"cannot serve the inspector on {_HOST}:{port}: {reason}") from fault
    try:
        bound = listening.sockets[0].getsockname()[1]
        yield f"http://{_HOST}:{bound}/{server.token}/"
    finally:
        listening.close()
        server.cut()
        inspector.close()
        await listening.wait_closed()


class _WebServer:
    def __init__(self, inspector: Inspector) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._pages = Pages(inspector)
        self._serving: dict[asyncio.Task[object], asyncio.StreamWriter] = {}

    def cut(self) -> None:
        """Cut all connections."""
        for task, writer in self._serving.items():
            writer.transport.abort()
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the request of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        writer.transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        try:
            if len(self._serving) > _MAX_CONNECTIONS:
                return
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, writer)
            async with asyncio.timeout(_STALL_S):
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # gone, or cut: there is nothing to tell and nothing to undo
        except asyncio.CancelledError:
            return  # by `cut`; the task of a connection is asyncio's own, and nothing waits for it
        except Exception as fault:
            log_event(logging.ERROR, "inspector broke", fault=fault)
        finally:
            del self._serving[task]
            writer.transport.abort()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = read_request(head)
            answer = await self._pages.answer(rest_of_path(request, self.token), request)
        except Refused as refused:
            await _write(writer, _head(refused.status, "text/plain; charset=utf-8") + f"{refused.why}\n".encode())
            return
        begin = partial(_head, answer.status, answer.content_type, answer.policy)
        if isinstance(answer.body, bytes):
            await _write(writer, begin(size_bytes=len(answer.body)) + answer.body)
            return
        await _write(writer, begin())
        async with aclosing(answer.body) as pieces:
            async for piece in pieces:
                await _write(writer, piece)


def _head(
    status: int, content_type: str, policy: str = "default-src 'none'", *, size_bytes: int | None = None
) -> bytes:
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Security-Policy: {policy}; frame-ancestors 'none'",
        *(() if size_bytes is None else (f"Content-Length: {size_bytes}",)),
        *_HEADERS,
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises OSError for a browser that is gone, and TimeoutError for one that does not read."""
    for begin in range(0, len(data), _BUFFER_BYTES):
        writer.write(data[begin : begin + _BUFFER_BYTES])
        async with asyncio.timeout(_STALL_S):
            await writer.drain()
