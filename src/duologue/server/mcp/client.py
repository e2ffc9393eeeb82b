"""A client of MCP servers over Streamable HTTP, for what a realtime session wants of them: their tools.

Each request is one POST; its answer is JSON, or a stream of events that ends with the answer. What else the server
says there (progress, log messages) is read and dropped; what it asks there of an older client is answered (ping), or
refused. No stream of the server's own messages is opened with GET, and none is resumed: a stream that breaks is a call
that failed. Results are taken as they are; nothing is validated against a schema of the server.

Servers of the revision 2026-07-28 and later are asked without a session:
https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
Those that do not know it are greeted with `initialize`, and may keep a session, which ends with a DELETE:
https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http
https://modelcontextprotocol.io/specification/2025-03-26/basic/transports#streamable-http
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from duologue import __version__
from duologue.events import McpProtocolError, McpTool
from duologue.server.mcp.connections import Answer, Headers, McpConnections
from duologue.server.mcp.errors import McpFault, broken_answer, cut, http_fault, unreachable
from duologue.server.mcp.headers import MARK, ParameterHeaders, header_value, parameter_headers, repeated
from duologue.server.mcp.limits import (
    FAREWELL_S,
    LAST_CHUNK_S,
    MAX_CURSOR_CHARACTERS,
    MAX_LIST_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_PAGES,
    MAX_REPLIES,
    MAX_SESSION_ID_CHARACTERS,
    MAX_TOOLS,
    REPLY_S,
)
from duologue.server.mcp.messages import EventReader, RpcError, RpcMessage, check_depth, messages_in, read_as
from duologue.server.telemetry.log import log_event

__all__ = ["McpClient", "ToolResult"]

_MODERN: Final = "2026-07-28"
_OFFERED: Final = "2025-06-18"
"""In `initialize`. From the next revision on, a server may cut a stream and have it resumed."""
_GREETED: Final = frozenset({"2024-11-05", "2025-03-26", _OFFERED, "2025-11-25"})
"""What a server may choose in its answer to that."""

_METHOD_NOT_FOUND: Final = -32601
_HEADER_MISMATCH: Final = -32020
_UNSUPPORTED_VERSION: Final = -32022

_NOT_FOUND: Final = 404
_NOT_A_MATTER_OF_VERSION: Final = frozenset({401, 403, 407, 429})
"""Statuses that `initialize` would be answered with too."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})

_WE: Final = {"name": "duologue", "version": __version__}
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientInfo": _WE,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_JSON, _EVENTS = "application/json", "text/event-stream"


class ToolResult(Struct, frozen=True):
    """What a tool returned, as text."""

    text: str
    is_error: bool


class McpClient:
    """Asks one MCP server, for one session. Any number of requests at a time; one that fails ends no other.

    How long a request may take is the caller's to say; cancelled, its connection is closed, and a server that keeps
    sessions is notified.
    """

    def __init__(self, url: httpx.URL, headers: Headers, connections: McpConnections) -> None:
        self._url = url
        self._headers = headers
        self._connections = connections
        self._terms: _Terms | None = None
        self._meeting = asyncio.Lock()
        self._last_id = 0
        self._repeated: dict[str, ParameterHeaders] = {}
        """By the name of a tool, if its calls repeat arguments in headers."""

    async def list_tools(self) -> list[McpTool]:
        """What the server has. A tool that cannot be used is left out. Raises McpFault."""
        tools: list[McpTool] = []
        cursor, n_bytes = "", 0
        for _ in range(MAX_PAGES):
            raw = await self._request("tools/list", {"cursor": cursor} if cursor else {})
            n_bytes += len(bytes(raw))
            if n_bytes > MAX_LIST_BYTES:
                raise broken_answer(f"its list of tools is larger than {MAX_LIST_BYTES} bytes")
            page: _Page = read_as(raw, _Page)
            is_marked = MARK.encode() in bytes(raw)
            for listed in page.tools:
                await asyncio.sleep(0)  # a schema may be large
                if self._take(listed, is_marked=is_marked):
                    tools.append(listed.accepted())
            cursor = page.next_cursor or ""
            if not cursor or len(tools) >= MAX_TOOLS:
                break
            if len(cursor) > MAX_CURSOR_CHARACTERS:
                raise broken_answer(f"a cursor is longer than {MAX_CURSOR_CHARACTERS} characters")
        return tools[:MAX_TOOLS]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """What a tool returns.

        Raises:
            McpFault: the server says no, or cannot be asked.
            ValueError: the arguments that it wants as headers are too long for that.
        """
        try:
            raw = await self._request("tools/call", {"name": name, "arguments": arguments})
        except McpFault as fault:
            if not isinstance(fault.error, McpProtocolError) or fault.error.code != _HEADER_MISMATCH:
                raise
            # The tool is another one than it was, or was listed by another client than this one.
            await self.list_tools()
            raw = await self._request("tools/call", {"name": name, "arguments": arguments})
        result: _CallResult = read_as(raw, _CallResult)
        try:
            return result.accepted()
        except ValueError as fault:
            raise broken_answer(str(fault)) from fault

    async def leave(self) -> None:
        """End the session over there, if there is one. It need not answer, and what it answers is nothing to anyone."""
        terms, self._terms = self._terms, None
        if terms is not None and terms.session_id:
            await self._send_last("DELETE", terms, b"")

    # --- terms

    async def _meet(self, instead_of: _Terms | None = None) -> _Terms:
        """The terms that the server is asked on; new ones if these do not hold any more."""
        async with self._meeting:
            if self._terms is None or self._terms is instead_of:
                self._terms = None
                is_modern = instead_of is None and await self._discover()
                self._terms = _Terms(_MODERN) if is_modern else await self._greet()
            return self._terms

    async def _discover(self) -> bool:
        """Whether it can be asked without a session. A server that says anything else is taken for an older one."""
        reply = await self._ask(_Terms(_MODERN), "server/discover", {})
        if reply.status in _NOT_A_MATTER_OF_VERSION:
            reply.result()
        message = reply.message
        if message is None:
            return False
        if isinstance(message.error, RpcError):
            known = _versions(message.error.data) if isinstance(message.error.data, Raw) else []
            if message.error.code == _UNSUPPORTED_VERSION and known and not _GREETED & set(known):
                raise broken_answer("it speaks no version of MCP that this server knows")
            return False
        return isinstance(message.result, Raw) and _MODERN in _versions(message.result)

    async def _greet(self) -> _Terms:
        params = {"protocolVersion": _OFFERED, "capabilities": {}, "clientInfo": _WE}
        reply = await self._ask(_Terms(), "initialize", params)
        greeting: _Greeting = read_as(reply.result(), _Greeting)
        if greeting.version not in _GREETED:
            raise broken_answer("it chooses a version of MCP that this server does not know")
        session_id = reply.session_id
        if len(session_id) > MAX_SESSION_ID_CHARACTERS or any(not "!" <= character <= "~" for character in session_id):
            raise broken_answer("the id of its session is too long, or holds more than visible ASCII")
        terms = _Terms(greeting.version, session_id)
        accepted = await self._post(terms, b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        if accepted.failed:
            raise http_fault(accepted.status)
        return terms

    # --- one request

    async def _request(self, method: str, params: dict[str, Any]) -> Raw:
        terms = await self._meet()
        reply = await self._ask(terms, method, params)
        if reply.failed and terms.is_modern and reply.message is None:
            self._terms = None  # another server may stand there now: the next request finds out
        if reply.status == _NOT_FOUND and terms.session_id:
            reply = await self._ask(await self._meet(instead_of=terms), method, params)
        return reply.result()

    async def _ask(self, terms: _Terms, method: str, params: dict[str, Any]) -> _Reply:
        self._last_id = request_id = self._last_id + 1
        headers: list[tuple[bytes, bytes]] = []
        if terms.is_modern:
            headers.append((b"Mcp-Method", method.encode()))
            if method == "tools/call":
                headers.append((b"Mcp-Name", header_value(params["name"])))
                headers += repeated(self._repeated.get(params["name"], {}), params["arguments"])
            params = {**params, "_meta": _META}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        try:
            return await self._post(terms, body, request_id, headers)
        except asyncio.CancelledError:
            if terms.session_id:
                # Over there, a closed connection means nothing.
                cancelled = {"method": "notifications/cancelled", "params": {"requestId": request_id}}
                said = msgspec.json.encode({"jsonrpc": "2.0", **cancelled})
                if self._connections.network.takes_more:
                    self._connections.network.in_background(self._send_last("POST", terms, said))
            raise

    async def _post(self, terms: _Terms, body: bytes, request_id: int | None = None, extra: Headers = ()) -> _Reply:
        headers = [*self._all_headers(terms), *extra]
        async with self._connections.request("POST", self._url, headers, body) as answer:
            if not self._moves(answer):
                return await self._reply_in(answer, terms, request_id)
        async with self._connections.request("POST", self._url, headers, body) as answer:
            return await self._reply_in(answer, terms, request_id)

    async def _reply_in(self, answer: Answer, terms: _Terms, request_id: int | None) -> _Reply:
        if answer.status in _REDIRECTS:
            raise unreachable("it redirects to another address, which is not followed", code=answer.status)
        session_id = answer.header(b"mcp-session-id")
        succeeded = 200 <= answer.status < 300
        if request_id is None or (not succeeded and answer.media_type != _JSON):
            return _Reply(answer.status, session_id)
        if answer.media_type == _EVENTS:
            message = await self._awaited(answer, terms, request_id)
        elif answer.media_type == _JSON:
            found = messages_in(await answer.content(MAX_MESSAGE_BYTES)) if succeeded else await _error_in(answer)
            # An error may come before the request is read, and so without its id.
            ours = (m for m in found if m.id == request_id or (m.id is None and m.error is not UNSET))
            message = next(ours, None)
        else:
            raise broken_answer("it is neither JSON nor a stream of events")
        if succeeded and message is None:
            raise broken_answer("it does not answer the request")
        return _Reply(answer.status, session_id, message)

    async def _awaited(self, answer: Answer, terms: _Terms, request_id: int) -> RpcMessage | None:
        """The answer to a request, from a stream that may hold more."""
        reader, n_replies = EventReader(), 0
        async with answer.pieces() as pieces:
            async for piece in pieces:
                for data in reader.feed(piece):
                    for message in messages_in(data):
                        if message.method is None and message.id == request_id:
                            await answer.read_to_end(pieces, LAST_CHUNK_S)
                            return message
                        if message.method is not None and message.id is not None and not terms.is_modern:
                            n_replies += 1
                            if n_replies > MAX_REPLIES:
                                raise broken_answer(f"more than {MAX_REPLIES} requests of its own")
                            await self._answer(message, terms)
        return None

    async def _answer(self, request: RpcMessage, terms: _Terms) -> None:
        """Answer what the MCP server asks of its client, which can do nothing for it."""
        answer: dict[str, Any] = {"error": {"code": _METHOD_NOT_FOUND, "message": "Method not found"}}
        if request.method == "ping":
            answer = {"result": {}}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": request.id, **answer})
        await self._send_last("POST", terms, body, within_s=REPLY_S)

    async def _send_last(self, method: str, terms: _Terms, body: bytes, *, within_s: float = FAREWELL_S) -> None:
        """Send what nothing depends on."""
        try:
            async with asyncio.timeout(within_s):
                async with self._connections.request(method, self._url, self._all_headers(terms), body):
                    pass
        except (McpFault, TimeoutError) as fault:
            log_event(logging.DEBUG, "MCP server not told", reason=type(fault).__name__)

    def _all_headers(self, terms: _Terms) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"Accept", f"{_JSON}, {_EVENTS}".encode()),
            (b"Content-Type", _JSON.encode()),
            (b"User-Agent", f"duologue/{__version__}".encode()),
            *self._headers,
        ]
        if terms.version:
            headers.append((b"MCP-Protocol-Version", terms.version.encode()))
        if terms.session_id:
            headers.append((b"Mcp-Session-Id", terms.session_id.encode()))
        return headers

    def _moves(self, answer: Answer) -> bool:
        """Whether the answer names this address with or without a slash at its end, which many servers insist on."""
        if answer.status not in _SAME_METHOD:
            return False
        try:
            there = self._url.join(answer.header(b"location"))
        except httpx.InvalidURL:
            return False
        path = self._url.path
        other = self._url.copy_with(path=path.removesuffix("/") if path.endswith("/") else f"{path}/")
        if there != other:
            return False
        self._url = other
        return True

    def _take(self, tool: _Tool, *, is_marked: bool) -> bool:
        """Whether the tool can be used; `is_marked`: it may want headers."""
        self._repeated.pop(tool.name, None)
        try:
            check_depth(tool.input_schema)
            check_depth(tool.annotations)
            headers = parameter_headers(tool.input_schema) if is_marked else {}
        except ValueError as fault:
            log_event(logging.WARNING, "MCP tool left out", reason=str(fault))
            return False
        if headers:
            self._repeated[tool.name] = headers
        return True


# --- what is said


class _Terms(Struct, frozen=True):
    """How requests are made; without a version, before that is known."""

    version: str = ""
    session_id: str = ""

    @property
    def is_modern(self) -> bool:
        return self.version == _MODERN


class _Reply(Struct, frozen=True):
    status: int
    session_id: str = ""
    message: RpcMessage | None = None

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 300

    def result(self) -> Raw:
        """What was asked for. Raises McpFault."""
        message = self.message
        if message is not None and isinstance(message.error, RpcError):
            error = McpProtocolError(code=message.error.code, message=cut(message.error.message))
            raise McpFault(error, quotes=True)
        if self.failed:
            raise http_fault(self.status)
        if message is None or not isinstance(message.result, Raw):
            raise broken_answer("it holds neither a result nor an error")
        return message.result


class _Greeting(Struct, frozen=True):
    version: str = msgspec.field(name="protocolVersion")


class _Versions(Struct, frozen=True):
    supported: list[str] = []
    """In an error."""
    supported_versions: list[str] = msgspec.field(name="supportedVersions", default_factory=list)
    """In an answer to `server/discover`."""


class _Tool(Struct, frozen=True):
    name: str
    input_schema: dict[str, Any] = msgspec.field(name="inputSchema")
    description: str | None = None
    annotations: dict[str, Any] | None = None

    def accepted(self) -> McpTool:
        hints = {key: hint for key, hint in (self.annotations or {}).items() if hint is not None}
        return McpTool(
            name=self.name,
            input_schema=self.input_schema,
            description=self.description if self.description is not None else UNSET,
            annotations=hints if self.annotations is not None else UNSET,
        )


class _Page(Struct, frozen=True):
    tools: list[_Tool]
    next_cursor: str | None = msgspec.field(name="nextCursor", default=None)


class _CallResult(Struct, frozen=True):
    content: list[dict[str, Any]] = []
    structured: Any | UnsetType = msgspec.field(name="structuredContent", default=UNSET)
    is_error: bool = msgspec.field(name="isError", default=False)
    kind: str = msgspec.field(name="resultType", default="complete")

    def accepted(self) -> ToolResult:
        """Its words; where there are none, its content as JSON. Raises ValueError for what cannot be sent on."""
        if self.kind != "complete":
            raise ValueError("the tool asks for more than its arguments, which this server does not give")
        words = [block["text"] for block in self.content if block.get("type") == "text" and "text" in block]
        if words and all(isinstance(text, str) for text in words):
            return ToolResult("\n".join(words), self.is_error)
        other = self.content if self.structured is UNSET or self.structured is None else self.structured
        check_depth(other)
        return ToolResult(msgspec.json.encode(other).decode(), self.is_error)


def _versions(raw: Raw) -> list[str]:
    """The versions that a server names; none for anything that is no list of them."""
    try:
        found: _Versions = read_as(raw, _Versions)
    except McpFault:
        return []
    return [*found.supported, *found.supported_versions]


async def _error_in(answer: Answer) -> list[RpcMessage]:
    """What an answer that is no success says of its reason; nothing for one that does not say it in JSON-RPC."""
    try:
        return messages_in(await answer.content(MAX_MESSAGE_BYTES))
    except McpFault:
        return []
