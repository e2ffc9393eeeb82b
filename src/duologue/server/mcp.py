"""The tools of MCP servers: which servers a session may use, and how they are asked."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from duologue.audio.extras import needs
from duologue.events import (
    McpHttpError,
    McpProtocolError,
    McpServerTool,
    McpTool,
    McpToolExecutionError,
    is_set,
)
from duologue.events.base import UNSET
from duologue.protocol import McpCall
from duologue.server.journal import note

if TYPE_CHECKING:
    from mcp import Client

__all__ = ["McpAccess", "McpDesk", "McpFault"]

_ANY: Final = "*"
_PORTS: Final = {"http": 80, "https": 443}

_OUR_HEADERS: Final = frozenset(
    "accept-encoding connection content-length expect host keep-alive mcp-session-id proxy-authorization te"
    " transfer-encoding upgrade".split()
)
"""A client's headers are for its MCP server; which that is, and how HTTP is spoken with it, is not theirs to say."""

_MOST_LINES: Final = 16  # connections of one session; it cannot offer more servers at a time
_MOST_PAGES: Final = 20  # of a list of tools; its end may be a lie
_MOST_ERROR_CHARACTERS: Final = 1_000  # a sentence or two: the client shows it, and the model reads it
_MOST_TOOLS: Final = 1_000  # no model chooses well among a hundred; a list without an end must not fill the memory
_MOST_OUTPUT_CHARACTERS: Final = 100_000  # 25,000 tokens: more would push the conversation out of the model's window

_LINE_IS_GONE: Final = frozenset({-32000, -32600})  # closed, or a session that is not known over there any more

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504  # what HTTP says of a server behind one that cannot be reached, or is silent


class McpFault(Exception):
    """An MCP server was not asked, or did not answer; `error` is what the client is told."""

    def __init__(self, error: McpProtocolError | McpToolExecutionError | McpHttpError, *, quotes: bool = False) -> None:
        """`quotes`: the message is the MCP server's own."""
        super().__init__(error.message)
        self.error = error
        self.unquoted = error.type if quotes else error.message
        """What may stand in a log."""


class McpAccess:
    """Which MCP servers sessions may name: those at one of these addresses, or below it. "*" is any of them.

    A client names the server and this process calls it: with "*" every client can reach what this machine can.

    Raises:
        MissingExtra: the `mcp` extra is not installed.
        ValueError: one is no address.
    """

    def __init__(self, *urls: str) -> None:
        with needs("mcp"):
            import_module("mcp")
        # Made once: it takes tens of milliseconds, which on the event loop are everybody's.
        self._context = ssl.create_default_context()
        self._any = _ANY in urls
        self._allowed = tuple(_address(url) for url in urls if url != _ANY)

    def permits(self, url: str) -> bool:
        """Whether a session may have this address called."""
        try:
            wanted = _address(url)
        except ValueError:
            return False
        return self._any or any(_is_below(wanted, allowed) for allowed in self._allowed)

    @asynccontextmanager
    async def connect(self, server: McpServerTool) -> AsyncGenerator[Client, None]:
        """A client of this server; entered and left by one task. Raises McpFault for one that is not permitted."""
        url = server.server_url if is_set(server.server_url) else ""
        if not self.permits(url):
            raise McpFault(_unreachable("this server does not let sessions use that MCP server"))
        # Here, because it costs half a second and most servers never need it.
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        from duologue.server.mcp_http import NarrowTransport

        async with AsyncExitStack() as stack:
            narrow = NarrowTransport(self.permits, self._context)
            # The deadline is the caller's.
            http = httpx2.AsyncClient(headers=_headers(server), timeout=None, transport=narrow)
            await stack.enter_async_context(http)
            # No cache: its answers would outlive a change of what the server has.
            client = await stack.enter_async_context(Client(streamable_http_client(url, http_client=http), cache=None))
            # Nothing here needs results to keep to the server's own schema, and a pattern in one can stop the loop.
            client.session.validate_tool_result = _as_it_came  # type: ignore[method-assign]
            yield client


class McpDesk:
    """One session's MCP servers. A connection is opened for the first question, and kept for the next."""

    def __init__(
        self,
        access: McpAccess | None,
        *,
        start: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]],
        timeout_s: float,
    ) -> None:
        """`start` runs what holds a connection open, until the session ends. None of `access`: no server is asked."""
        self._access = access
        self._start = start
        self._timeout_s = timeout_s
        self._lines: dict[McpServerTool, _Line] = {}

    async def list_tools(self, server: McpServerTool) -> list[McpTool]:
        """What the server has. Raises McpFault."""
        tools: list[McpTool] = []

        async def ask(client: Client) -> None:
            cursor: str | None = None
            for _ in range(_MOST_PAGES):
                page = await client.list_tools(cursor=cursor)
                tools.extend(map(_tool, page.tools))
                if (cursor := page.next_cursor) is None or len(tools) >= _MOST_TOOLS:
                    break

        await self._ask(server, ask)
        return tools[:_MOST_TOOLS]

    async def call(self, call: McpCall) -> str:
        """What the tool returns, as text. Raises McpFault."""
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        except (ValueError, RecursionError) as fault:  # a fault of msgspec's too
            raise McpFault(McpToolExecutionError(message=f"the arguments are no JSON object: {fault}")) from fault
        results: list[Any] = []

        async def ask(client: Client) -> None:
            results.append(await client.call_tool(call.name, arguments))

        await self._ask(call.server, ask)
        output = _text_of(results[0])
        if results[0].is_error:
            raise McpFault(McpToolExecutionError(message=_cut(output)), quotes=True)
        if len(output) > _MOST_OUTPUT_CHARACTERS:
            reason = f"it returned {len(output)} characters, and {_MOST_OUTPUT_CHARACTERS} are the most"
            raise McpFault(McpToolExecutionError(message=reason))
        return output

    async def _ask(self, server: McpServerTool, ask: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        if self._access is None:
            raise McpFault(_unreachable("this server lets sessions use no MCP servers"))
        line = self._line(self._access, server)
        line.users += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                await ask(await line.client())
        except McpFault:
            raise
        except TimeoutError as fault:
            self._drop(server, line)
            error = McpHttpError(code=_GATEWAY_TIMEOUT, message=f"it did not answer within {self._timeout_s:g} s")
            raise McpFault(error) from fault
        except Exception as fault:
            if not _is_answer(fault):
                self._drop(server, line)
            raise _fault_of(fault) from fault
        finally:
            line.users -= 1
            if line not in self._lines.values() and not line.users:
                line.close()

    def _line(self, access: McpAccess, server: McpServerTool) -> _Line:
        line = self._lines.pop(server, None)
        if line is None or line.ended:
            line = _Line(lambda: access.connect(server))
            line.task = self._start(f"mcp {server.server_label}", line.hold())
        self._lines[server] = line  # last of all: the first are those that were not used for longest
        idle = [(key, other) for key, other in self._lines.items() if not other.users and other is not line]
        for key, other in idle[: max(0, len(self._lines) - _MOST_LINES)]:
            del self._lines[key]
            other.close()
        return line

    def _drop(self, server: McpServerTool, line: _Line) -> None:
        """Whatever is wrong with a connection, the next question gets another one; those under way end on this one."""
        if self._lines.get(server) is line:
            del self._lines[server]


class _Line:
    """An open connection; its library wants it entered and left by the same task, which is `hold`."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.users = 0
        """Questions that are not answered."""

    @property
    def ended(self) -> bool:
        """Whether nobody can be asked here any more."""
        return self.task is not None and self.task.done()

    async def client(self) -> Client:
        """The client, once it is connected; raises what kept it from that."""
        return await asyncio.shield(self._opened)

    def close(self) -> None:
        """Let the connection go."""
        self._closing.set()
        if not self._opened.done() and self.task is not None:
            self.task.cancel()

    async def hold(self) -> None:
        """Connect, and stay so until `close`."""
        try:
            async with self._connect() as client:
                self._opened.set_result(client)
                await self._closing.wait()
        except Exception as fault:
            if self._opened.done():
                note(logging.INFO, "MCP server lost", reason=type(fault).__name__)
            else:
                self._opened.set_exception(fault)
        finally:
            if not self._opened.done():
                self._opened.set_exception(ConnectionError("given up"))
            self._opened.exception()  # read, for whoever asked may be gone


async def _as_it_came(name: str, result: object) -> None:
    """No look at a result."""


def _is_answer(fault: Exception) -> bool:
    """Whether the MCP server has said no, over a connection that is as good as before."""
    from mcp import MCPError

    return isinstance(fault, MCPError) and fault.error.code not in _LINE_IS_GONE


def _cut(words: str) -> str:
    return words if len(words) <= _MOST_ERROR_CHARACTERS else f"{words[:_MOST_ERROR_CHARACTERS]} ..."


def _headers(server: McpServerTool) -> dict[str, str]:
    given = server.headers if is_set(server.headers) else {}
    headers = {name: value for name, value in given.items() if name.lower() not in _OUR_HEADERS}
    if is_set(server.authorization):
        headers["Authorization"] = f"Bearer {server.authorization}"
    return headers


def _address(url: str) -> SplitResult:
    """The parts of an address. Raises ValueError if it is none."""
    parts = urlsplit(url)
    # A name before the host is where readers of addresses disagree.
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or ".." in unquote(parts.path):
        raise ValueError(f"{url!r} is no address of an MCP server: it looks like https://host/path")
    parts.port  # noqa: B018 - raises for one that is no number
    return parts


def _is_below(wanted: SplitResult, allowed: SplitResult) -> bool:
    if (wanted.scheme, wanted.hostname) != (allowed.scheme, allowed.hostname):
        return False
    if (wanted.port or _PORTS[wanted.scheme]) != (allowed.port or _PORTS[allowed.scheme]):
        return False
    folder = allowed.path.rstrip("/")
    return wanted.path == folder or wanted.path.startswith(f"{folder}/")


def _tool(tool: Any) -> McpTool:
    hints = tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations is not None else UNSET
    described = tool.description if tool.description is not None else UNSET
    return McpTool(name=tool.name, input_schema=tool.input_schema, description=described, annotations=hints)


def _text_of(result: Any) -> str:
    """The words of a result; where there are none, whatever it has, as JSON."""
    words = [block.text for block in result.content if block.type == "text"]
    if words:
        return "\n".join(words)
    if result.structured_content is not None:
        return msgspec.json.encode(result.structured_content).decode()
    return msgspec.json.encode([block.model_dump(mode="json", by_alias=True) for block in result.content]).decode()


def _fault_of(fault: BaseException) -> McpFault:
    """What the client is told: what the MCP server said, or the kind of what went wrong."""
    from httpx2 import HTTPStatusError
    from mcp import MCPError

    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    match fault:
        case MCPError():
            return McpFault(McpProtocolError(code=fault.error.code, message=_cut(fault.error.message)), quotes=True)
        case HTTPStatusError():
            status = McpHttpError(code=fault.response.status_code, message=fault.response.reason_phrase)
            return McpFault(status, quotes=True)
        case _:
            return McpFault(_unreachable(f"it cannot be talked to ({type(fault).__name__})"))


def _unreachable(message: str) -> McpHttpError:
    return McpHttpError(code=_BAD_GATEWAY, message=message)
