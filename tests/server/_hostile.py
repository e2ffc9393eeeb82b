"""Sessions that ask an MCP server which may mean harm, and what it may do to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from duologue.events import McpServerTool
from duologue.protocol import McpCall
from duologue.server import McpAccess
from duologue.server.mcp.servers import McpSession
from tests.server._raw_mcp_server import Answerer, RawMcpServer, Request, Writer, as_event, raw_mcp_server, result

Json = dict[str, Any]

SAID = "words-of-the-server"
"""Whatever a server says; in no log."""


def offer(it: RawMcpServer, **fields: Any) -> McpServerTool:
    return McpServerTool(server_label="crook", server_url=it.url, **fields)


def call(server: McpServerTool, name: str, arguments: str = "{}") -> McpCall:
    return McpCall("resp", "item", server, name, arguments)


@asynccontextmanager
async def mcp_sessions(it: RawMcpServer, n: int = 1, *, timeout_s: float = 5) -> AsyncGenerator[list[McpSession], None]:
    """Sessions that may ask the server. When they have ended, nothing of them is left."""
    before = asyncio.all_tasks()
    access = McpAccess(it.url)
    made = [McpSession(access, timeout_s=timeout_s) for _ in range(n)]
    try:
        yield made
    finally:
        for mcp_session in made:
            mcp_session.close()
        await nothing_of(lambda: access.network.n_connections)
        await nothing_of(lambda: len([task for task in asyncio.all_tasks() - before if "serve" not in repr(task)]))


@asynccontextmanager
async def asking(
    *, keeps_sessions: bool = False, timeout_s: float = 5, **does: Answerer
) -> AsyncGenerator[tuple[RawMcpServer, McpSession], None]:
    """A server that does this, and a session that may ask it."""
    async with (
        raw_mcp_server(keeps_sessions=keeps_sessions, **does) as it,
        mcp_sessions(it, timeout_s=timeout_s) as (mcp_session,),
    ):
        yield it, mcp_session


async def nothing_of(count: Callable[[], int]) -> None:
    async with asyncio.timeout(5):
        while count():  # noqa: ASYNC110 - of tasks and connections no event says when they end
            await asyncio.sleep(0.01)


def says(make: Callable[[Request], bytes]) -> Answerer:
    """It answers this, and hangs up."""

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(make(request))
        await writer.drain()
        writer.close()

    return answer


def endlessly(start: bytes, piece: bytes) -> Answerer:
    """It answers this, and then goes on until the other side hangs up."""

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


def silent_after(start: bytes) -> Answerer:
    """It answers this, and then nothing."""

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(start)
        await writer.drain()
        await asyncio.Event().wait()

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PROGRESS = as_event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"message": SAID}})
PING = as_event({"jsonrpc": "2.0", "method": "ping", "id": 7})


def text(request: Request, value: object) -> Json:
    return result(request, {"content": [{"type": "text", "text": value}]})


def written(request: Request, raw: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (request.body["id"], raw)


def nested(n: int) -> bytes:
    return b"[" * n + b"]" * n
