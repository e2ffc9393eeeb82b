"""An MCP server of a few tools, on the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from tests._uvicorn import under_uvicorn

__all__ = ["ToolServer", "tool_server"]

Json = dict[str, Any]


class ToolServer:
    """The server, and what its HTTP side saw."""

    def __init__(self, *, older: bool = False, stateless: bool = False, json_answers: bool = False) -> None:
        """`older`: it knows no revision of the protocol that does without `initialize`."""
        self._older = older
        self.methods: list[str] = []
        self.url = ""
        self.keys: list[str] = []
        self.hosts: list[str] = []
        self.traces: list[str] = []
        self.left = asyncio.Event()
        """A session was ended by its client."""
        self.answers = asyncio.Event()
        self.answers.set()
        server = MCPServer("shop")

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        def add(a: int, b: int) -> int:
            """Adds two numbers."""
            return a + b

        @server.tool()
        async def wait() -> str:
            await self.answers.wait()
            return "at last"

        @server.tool()
        def fail() -> str:
            raise ToolError("out of stock")

        @server.tool()
        def talk() -> str:
            return "x" * 100_001

        self._application = server.streamable_http_app(stateless_http=stateless, json_response=json_answers)

    @property
    def n_requests(self) -> int:
        """How many came, of any kind."""
        return len(self.methods)

    async def __call__(self, scope: Json, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.keys += [value.decode() for name, value in scope["headers"] if name == b"authorization"]
            self.hosts += [value.decode() for name, value in scope["headers"] if name == b"host"]
            self.traces += [value.decode() for name, value in scope["headers"] if name == b"traceparent"]
            self.methods.append(scope["method"])
            if scope["method"] == "DELETE":
                self.left.set()
            if self._older and (b"mcp-protocol-version", b"2026-07-28") in scope["headers"]:
                await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._application(scope, receive, send)


@asynccontextmanager
async def tool_server(**settings: bool) -> AsyncGenerator[ToolServer, None]:
    """The server, running for the length of a block; settings as those of `ToolServer`."""
    application = ToolServer(**settings)
    async with under_uvicorn(application) as port:
        application.url = f"http://127.0.0.1:{port}/mcp"
        try:
            yield application
        finally:
            application.answers.set()
