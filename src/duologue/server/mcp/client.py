"""A client of MCP servers over Streamable HTTP, for the tools of a realtime session.

Each request is one POST; its answer is JSON, or a stream of events that holds the answer. Notifications in the stream
(progress, log messages) are dropped; a ping is answered, other requests of the server are refused. The client opens no
stream with GET and resumes none: when a stream breaks, the call has failed. Nothing is validated against the server's
schemas.

Servers of the revision 2026-07-28 and later need no session:
https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
Older ones start with `initialize`, and may have a session, which ends with a DELETE:
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
from duologue.server.mcp.headers import HEADER_KEYWORD, ParameterHeaders, call_headers, header_value, parameter_headers
from duologue.server.mcp.limits import (
    LAST_CHUNK_S,
    MAX_CURSOR_CHARACTERS,
    MAX_LIST_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_PAGES,
    MAX_REPLIES,
    MAX_SESSION_ID_CHARACTERS,
    MAX_TOOLS,
    NOTIFY_S,
    REPLY_S,
)
from duologue.server.mcp.messages import EventReader, RpcError, RpcMessage, check_depth, messages_in, read_as
from duologue.server.telemetry.log import log_event
from duologue.transports.trace_headers import trace_headers

__all__ = ["McpClient", "ToolResult"]

_MODERN: Final = "2026-07-28"
_INITIALIZE: Final = "2025-06-18"
"""Offered in `initialize`. From the next revision on, a server may end a stream early and have it resumed."""
_INITIALIZED: Final = frozenset({"2024-11-05", "2025-03-26", _INITIALIZE, "2025-11-25"})
"""Revisions that a server may choose in its answer."""

_METHOD_NOT_FOUND: Final = -32601
_HEADER_MISMATCH: Final = -32020
_UNSUPPORTED_VERSION: Final = -32022

_NOT_FOUND: Final = 404
_UNRELATED_TO_VERSION: Final = frozenset({401, 403, 407, 429})
"""Statuses that `initialize` would get too."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})

_CLIENT_INFO: Final = {"name": "duologue", "version": __version__}
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientInfo": _CLIENT_INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_JSON, _EVENTS = "application/json", "text/event-stream"


class ToolResult(Struct, frozen=True):
    """The result of a tool, as text."""

    text: str
    is_error: bool


class McpClient:
    """The client of one MCP server, for one session. Requests may run concurrently; one that fails ends no other.

    Requests have no timeout of their own. Cancelled, a request closes its connection, and a server with a session is
    notified.
    """

    def __init__(self, url: httpx.URL, headers: Headers, connections: McpConnections) -> None:
        self._url = url
        self._headers = headers
        self._connections = connections
        self._negotiated: _Negotiated | None = None
        self._negotiating = asyncio.Lock()
        self._last_id = 0
        self._parameter_headers: dict[str, ParameterHeaders] = {}
        """By the name of the tool; only tools whose calls repeat arguments in headers."""

    async def list_tools(self) -> list[McpTool]:
        """All tools of the server that can be used. Raises McpFault."""
        tools: list[McpTool] = []
        cursor, n_bytes = "", 0
        for _ in range(MAX_PAGES):
            raw = await self._request("tools/list", {"cursor": cursor} if cursor else {})
            n_bytes += len(bytes(raw))
            if n_bytes > MAX_LIST_BYTES:
                raise broken_answer(f"its list of tools is larger than {MAX_LIST_BYTES} bytes")
            page: _Page = read_as(raw, _Page)
            may_want_headers = HEADER_KEYWORD.encode() in bytes(raw)
            for listed in page.tools:
                await asyncio.sleep(0)  # checking a schema may take long
                if self._accept(listed, may_want_headers=may_want_headers):
                    tools.append(listed.accepted())
            cursor = page.next_cursor or ""
            if not cursor or len(tools) >= MAX_TOOLS:
                break
            if len(cursor) > MAX_CURSOR_CHARACTERS:
                raise broken_answer(f"a cursor is longer than {MAX_CURSOR_CHARACTERS} characters")
        return tools[:MAX_TOOLS]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool.

        Raises:
            McpFault: the server returned an error, or cannot be reached.
            ValueError: the arguments that it wants as headers are too long.
        """
        try:
            raw = await self._request("tools/call", {"name": name, "arguments": arguments})
        except McpFault as fault:
            if not isinstance(fault.error, McpProtocolError) or fault.error.code != _HEADER_MISMATCH:
                raise
            # The tool has changed, or another client listed it: list the tools again for its headers.
            await self.list_tools()
            raw = await self._request("tools/call", {"name": name, "arguments": arguments})
        result: _CallResult = read_as(raw, _CallResult)
        try:
            return result.accepted()
        except ValueError as fault:
            raise broken_answer(str(fault)) from fault

    async def end_session(self) -> None:
        """End the server's session, if there is one; the answer does not matter.

        https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#session-management
        """
        negotiated, self._negotiated = self._negotiated, None
        if negotiated is not None and negotiated.session_id:
            await self._notify("DELETE", negotiated, b"")

    # --- version and session

    async def _negotiate(self, stale: _Negotiated | None = None) -> _Negotiated:
        """The negotiated version and session; new ones if these are `stale`."""
        async with self._negotiating:
            if self._negotiated is None or self._negotiated is stale:
                self._negotiated = None
                is_modern = stale is None and await self._discover()
                self._negotiated = _Negotiated(_MODERN) if is_modern else await self._initialize()
            return self._negotiated

    async def _discover(self) -> bool:
        """Whether the server needs no session. Any other answer means an older server."""
        reply = await self._ask(_Negotiated(_MODERN), "server/discover", {})
        if reply.status in _UNRELATED_TO_VERSION:
            reply.result()
        message = reply.message
        if message is None:
            return False
        if isinstance(message.error, RpcError):
            known = _versions(message.error.data) if isinstance(message.error.data, Raw) else []
            if message.error.code == _UNSUPPORTED_VERSION and known and not _INITIALIZED & set(known):
                raise broken_answer("it supports no version of MCP that this server knows")
            return False
        return isinstance(message.result, Raw) and _MODERN in _versions(message.result)

    async def _initialize(self) -> _Negotiated:
        """https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle#initialization"""
        params = {"protocolVersion": _INITIALIZE, "capabilities": {}, "clientInfo": _CLIENT_INFO}
        reply = await self._ask(_Negotiated(), "initialize", params)
        initialized: _InitializeResult = read_as(reply.result(), _InitializeResult)
        if initialized.version not in _INITIALIZED:
            raise broken_answer("it chooses a version of MCP that this server does not know")
        session_id = reply.session_id
        if len(session_id) > MAX_SESSION_ID_CHARACTERS or any(not "!" <= character <= "~" for character in session_id):
            raise broken_answer("the id of its session is too long, or holds more than visible ASCII")
        negotiated = _Negotiated(initialized.version, session_id)
        accepted = await self._post(negotiated, b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        if accepted.failed:
            raise http_fault(accepted.status)
        return negotiated

    # --- one request

    async def _request(self, method: str, params: dict[str, Any]) -> Raw:
        negotiated = await self._negotiate()
        reply = await self._ask(negotiated, method, params)
        if reply.failed and negotiated.is_modern and reply.message is None:
            self._negotiated = None  # the server may have been replaced: the next request negotiates again
        if reply.status == _NOT_FOUND and negotiated.session_id:
            # The session has ended: a client must start a new one (session management, as above).
            reply = await self._ask(await self._negotiate(stale=negotiated), method, params)
        return reply.result()

    async def _ask(self, negotiated: _Negotiated, method: str, params: dict[str, Any]) -> _Reply:
        self._last_id = request_id = self._last_id + 1
        headers: list[tuple[bytes, bytes]] = []
        if negotiated.is_modern:
            headers.append((b"Mcp-Method", method.encode()))
            if method == "tools/call":
                headers.append((b"Mcp-Name", header_value(params["name"])))
                headers += call_headers(self._parameter_headers.get(params["name"], {}), params["arguments"])
            params = {**params, "_meta": _META}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        try:
            return await self._post(negotiated, body, request_id, headers)
        except asyncio.CancelledError:
            if negotiated.session_id:
                # A closed connection is not a cancellation, and servers with a session must not take it for one:
                # https://modelcontextprotocol.io/specification/2025-06-18/basic/utilities/cancellation
                cancelled = {"method": "notifications/cancelled", "params": {"requestId": request_id}}
                body = msgspec.json.encode({"jsonrpc": "2.0", **cancelled})
                if self._connections.network.has_room:
                    self._connections.network.in_background(self._notify("POST", negotiated, body))
            raise

    async def _post(
        self, negotiated: _Negotiated, body: bytes, request_id: int | None = None, extra: Headers = ()
    ) -> _Reply:
        headers = [*self._all_headers(negotiated), *extra]
        if not any(name.lower() == b"traceparent" for name, _ in headers):
            headers += [(name.encode(), value.encode()) for name, value in trace_headers().items()]
        async with self._connections.request("POST", self._url, headers, body) as answer:
            if not self._is_moved_by_slash(answer):
                return await self._reply_in(answer, negotiated, request_id)
        async with self._connections.request("POST", self._url, headers, body) as answer:
            return await self._reply_in(answer, negotiated, request_id)

    async def _reply_in(self, answer: Answer, negotiated: _Negotiated, request_id: int | None) -> _Reply:
        if answer.status in _REDIRECTS:
            raise unreachable("it redirects to another address, which is not followed", code=answer.status)
        session_id = answer.header(b"mcp-session-id")
        succeeded = 200 <= answer.status < 300
        if request_id is None or (not succeeded and answer.media_type != _JSON):
            return _Reply(answer.status, session_id)
        if answer.media_type == _EVENTS:
            message = await self._message_in_stream(answer, negotiated, request_id)
        elif answer.media_type == _JSON:
            found = messages_in(await answer.content(MAX_MESSAGE_BYTES)) if succeeded else await _error_in(answer)
            # An error about a request that could not be read has no id (JSON-RPC 2.0, section 5).
            ours = (m for m in found if m.id == request_id or (m.id is None and m.error is not UNSET))
            message = next(ours, None)
        else:
            raise broken_answer("it is neither JSON nor a stream of events")
        if succeeded and message is None:
            raise broken_answer("it does not answer the request")
        return _Reply(answer.status, session_id, message)

    async def _message_in_stream(self, answer: Answer, negotiated: _Negotiated, request_id: int) -> RpcMessage | None:
        """The answer to a request, from a stream that may hold other messages."""
        reader, n_replies = EventReader(), 0
        async with answer.pieces() as pieces:
            async for piece in pieces:
                for data in reader.feed(piece):
                    for message in messages_in(data):
                        if message.method is None and message.id == request_id:
                            await answer.read_to_end(pieces, LAST_CHUNK_S)
                            return message
                        if message.method is not None and message.id is not None and not negotiated.is_modern:
                            n_replies += 1
                            if n_replies > MAX_REPLIES:
                                raise broken_answer(f"more than {MAX_REPLIES} requests of its own")
                            await self._answer_request(message, negotiated)
        return None

    async def _answer_request(self, request: RpcMessage, negotiated: _Negotiated) -> None:
        """Answer a request of the MCP server: a ping, or one that this client does not support."""
        answer: dict[str, Any] = {"error": {"code": _METHOD_NOT_FOUND, "message": "Method not found"}}
        if request.method == "ping":
            answer = {"result": {}}
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": request.id, **answer})
        await self._notify("POST", negotiated, body, within_s=REPLY_S)

    async def _notify(self, method: str, negotiated: _Negotiated, body: bytes, *, within_s: float = NOTIFY_S) -> None:
        """Send a request whose answer does not matter."""
        try:
            async with asyncio.timeout(within_s):
                async with self._connections.request(method, self._url, self._all_headers(negotiated), body):
                    pass
        except (McpFault, TimeoutError) as fault:
            log_event(logging.DEBUG, "MCP server not notified", reason=type(fault).__name__)

    def _all_headers(self, negotiated: _Negotiated) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"Accept", f"{_JSON}, {_EVENTS}".encode()),
            (b"Content-Type", _JSON.encode()),
            (b"User-Agent", f"duologue/{__version__}".encode()),
            *self._headers,
        ]
        if negotiated.version:
            headers.append((b"MCP-Protocol-Version", negotiated.version.encode()))
        if negotiated.session_id:
            headers.append((b"Mcp-Session-Id", negotiated.session_id.encode()))
        return headers

    def _is_moved_by_slash(self, answer: Answer) -> bool:
        """Whether the answer redirects to the same address with or without a final slash, as many servers do."""
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

    def _accept(self, tool: _Tool, *, may_want_headers: bool) -> bool:
        """Whether the tool can be used; stores the headers that its calls want."""
        self._parameter_headers.pop(tool.name, None)
        try:
            check_depth(tool.input_schema)
            check_depth(tool.annotations)
            headers = parameter_headers(tool.input_schema) if may_want_headers else {}
        except ValueError as fault:
            log_event(logging.WARNING, "MCP tool left out", reason=str(fault))
            return False
        if headers:
            self._parameter_headers[tool.name] = headers
        return True


# --- messages


class _Negotiated(Struct, frozen=True):
    """The version and the session of requests; both are empty before they are negotiated."""

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
        """The result. Raises McpFault for an error."""
        message = self.message
        if message is not None and isinstance(message.error, RpcError):
            error = McpProtocolError(code=message.error.code, message=cut(message.error.message))
            raise McpFault(error, quotes=True)
        if self.failed:
            raise http_fault(self.status)
        if message is None or not isinstance(message.result, Raw):
            raise broken_answer("it holds neither a result nor an error")
        return message.result


class _InitializeResult(Struct, frozen=True):
    version: str = msgspec.field(name="protocolVersion")


class _Versions(Struct, frozen=True):
    supported: list[str] = []
    """In the data of an error."""
    supported_versions: list[str] = msgspec.field(name="supportedVersions", default_factory=list)
    """In the result of `server/discover`."""


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
        """The text, or where there is none, the content as JSON. Raises ValueError for what cannot be used."""
        if self.kind != "complete":
            raise ValueError("the tool asks for more than its arguments, which this server does not give")
        words = [block["text"] for block in self.content if block.get("type") == "text" and "text" in block]
        if words and all(isinstance(text, str) for text in words):
            return ToolResult("\n".join(words), self.is_error)
        other = self.content if self.structured is UNSET or self.structured is None else self.structured
        check_depth(other)
        return ToolResult(msgspec.json.encode(other).decode(), self.is_error)


def _versions(raw: Raw) -> list[str]:
    """The versions that a server names; none if this is not a list of them."""
    try:
        found: _Versions = read_as(raw, _Versions)
    except McpFault:
        return []
    return [*found.supported, *found.supported_versions]


async def _error_in(answer: Answer) -> list[RpcMessage]:
    """The messages of an answer whose status is not 2xx; none if it is not JSON-RPC."""
    try:
        return messages_in(await answer.content(MAX_MESSAGE_BYTES))
    except McpFault:
        return []
