"""An MCP server, byte by byte, on the loopback: as good or as bad as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Answerer",
    "RawMcpServer",
    "Request",
    "Writer",
    "as_event",
    "as_json",
    "event_stream",
    "raw_mcp_server",
    "result",
]

Json = dict[str, Any]
Writer = asyncio.StreamWriter


@dataclass
class Request:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json

    @property
    def wants(self) -> str:
        """What is asked for: a tool's name for a call, else the method of JSON-RPC, else HTTP's."""
        name = str(self.body.get("method") or self.method)
        return str(self.body["params"]["name"]) if name == "tools/call" else name


Answerer = Callable[[Request, Writer], Awaitable[None]]


def as_json(body: object, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    content = json.dumps(body).encode() if not isinstance(body, bytes) else body
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(content)}", *headers)
    return "\r\n".join((*lines, "", "")).encode() + content


def event_stream(*events: bytes) -> bytes:
    """The beginning of an answer that ends with its connection."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + b"".join(events)


def as_event(body: object) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def result(request: Request, value: object) -> Json:
    """The answer to a request, as JSON-RPC."""
    return {"jsonrpc": "2.0", "id": request.body["id"], "result": value}


class RawMcpServer:
    """The server. It has the tools `good`, which answers at once, `late`, which waits for `answers`, and those that
    a test gives it; what it does for anything else than a call, `does` may say too, by its method."""

    def __init__(self, does: dict[str, Answerer], *, keeps_sessions: bool) -> None:
        self.url = ""
        self.does = does
        self.requests: list[Request] = []
        self.answers = asyncio.Event()
        self.n_open = 0
        self._keeps_sessions = keeps_sessions
        self._n_sessions = 0

    def wanted(self) -> list[str]:
        """What was asked for, in order."""
        return [request.wants for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """One connection."""
        self.n_open += 1
        try:
            while not writer.is_closing():
                await self._answer(await self._read(reader), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.n_open -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, path, headers, json.loads(raw) if raw else {})
        self.requests.append(request)
        return request

    async def _answer(self, request: Request, writer: Writer) -> None:
        if (answerer := self.does.get(request.wants)) is not None:
            await answerer(request, writer)
            return
        writer.write(await self._good_answer(request))

    async def _good_answer(self, request: Request) -> bytes:
        match request.wants:
            case "server/discover" if self._keeps_sessions:
                return as_json({}, status="400 Bad Request")
            case "server/discover":
                return as_json(result(request, {"supportedVersions": ["2026-07-28"]}))
            case "initialize":
                self._n_sessions += 1
                greeting = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "c"}}
                return as_json(result(request, greeting), f"Mcp-Session-Id: s{self._n_sessions}")
            case "tools/list":
                return as_json(result(request, {"tools": [{"name": "good", "inputSchema": {"type": "object"}}]}))
            case "good" | "late":
                if request.wants == "late":
                    await self.answers.wait()
                return as_json(result(request, {"content": [{"type": "text", "text": "as asked"}]}))
            case _:
                return b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def raw_mcp_server(*, keeps_sessions: bool = False, **does: Answerer) -> AsyncGenerator[RawMcpServer, None]:
    """The server, running for the length of a block. Names of `does` have `_` for `/`."""
    application = RawMcpServer(
        {name.replace("_", "/"): answerer for name, answerer in does.items()}, keeps_sessions=keeps_sessions
    )
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await application.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # else the server's own callback complains
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    application.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    try:
        yield application
    finally:
        application.answers.set()
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
