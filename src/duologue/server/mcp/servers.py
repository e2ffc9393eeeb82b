"""The tools of MCP servers: which servers a session may use, and how they are asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from duologue.audio.extras import needs
from duologue.events import McpHttpError, McpServerTool, McpTool, McpToolExecutionError, is_set
from duologue.protocol import McpCall
from duologue.server.mcp.errors import McpFault, cut, unreachable
from duologue.server.mcp.limits import MAX_ARGUMENT_CHARACTERS, MAX_OUTPUT_CHARACTERS, MAX_SERVERS
from duologue.server.mcp.messages import check_depth
from duologue.server.telemetry.log import log_event
from duologue.transports.addresses import without_secrets

if TYPE_CHECKING:
    from duologue.server.mcp.client import McpClient
    from duologue.server.mcp.connections import McpConnections, McpNetwork

__all__ = ["McpAccess", "McpFault", "McpSession"]

_ANY: Final = "*"
_PORTS: Final = {"http": 80, "https": 443}
_GATEWAY_TIMEOUT: Final = 504  # what HTTP says of a server behind another one that is silent


class McpAccess:
    """Which MCP servers sessions may name: those at one of these addresses, or below it. "*" is any of them.

    A client names the server and this process calls it: with "*" every client can reach what this machine can.

    Raises:
        MissingExtra: the `server` extra is not installed.
        ValueError: one is no address.
    """

    def __init__(self, *urls: str) -> None:
        # Here, for most servers never need it.
        with needs("server"):
            from duologue.server.mcp.connections import McpNetwork
        self.network: McpNetwork = McpNetwork()
        self._any = _ANY in urls
        self._allowed = tuple(_address(url) for url in urls if url != _ANY)

    def permits(self, url: str) -> bool:
        """Whether a session may have this address called."""
        try:
            wanted = _address(url)
        except ValueError:
            return False
        return self._any or any(_is_below(wanted, allowed) for allowed in self._allowed)

    def client(self, server: McpServerTool, connections: McpConnections) -> McpClient:
        """A client of this server. Raises McpFault for one that is not permitted, or cannot be asked."""
        import httpx

        from duologue.server.mcp.client import McpClient
        from duologue.server.mcp.headers import session_headers

        address = server.server_url if is_set(server.server_url) else ""
        # What is called is what was read, and two readers of addresses may disagree.
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if not (self.permits(address) and self.permits(str(url))):
            raise unreachable("this server does not let sessions use that MCP server")
        return McpClient(url, session_headers(server), connections)


class McpSession:
    """One session's MCP clients. The version and connection of a server are kept for its next request."""

    def __init__(self, access: McpAccess | None, *, timeout_s: float) -> None:
        """`timeout_s` is for one question, all requests that it takes. None of `access`: no server is asked."""
        self._access = access
        self._timeout_s = timeout_s
        self._connections: McpConnections | None = None
        self._known: dict[McpServerTool, _Known] = {}

    async def list_tools(self, server: McpServerTool) -> list[McpTool]:
        """What the server has. Raises McpFault."""
        async with self._asking(server) as client:
            return await client.list_tools()

    async def call(self, call: McpCall) -> str:
        """What the tool returns, as text. Raises McpFault."""
        arguments = _arguments_of(call)
        async with self._asking(call.server) as client:
            try:
                result = await client.call(call.name, arguments)
            except ValueError as fault:
                raise McpFault(McpToolExecutionError(message=str(fault))) from fault
        if result.is_error:
            raise McpFault(McpToolExecutionError(message=cut(result.text)), quotes=True)
        if len(result.text) > MAX_OUTPUT_CHARACTERS:
            reason = f"it returned {len(result.text)} characters, and {MAX_OUTPUT_CHARACTERS} are the most"
            raise McpFault(McpToolExecutionError(message=reason))
        return result.text

    def close(self) -> None:
        """Let all of them go, without waiting for it."""
        known, self._known = list(self._known.values()), {}
        if (connections := self._connections) is not None:
            self._connections = None
            connections.network.in_background(_leave([one.client for one in known], connections))

    @asynccontextmanager
    async def _asking(self, server: McpServerTool) -> AsyncGenerator[McpClient, None]:
        if self._access is None:
            raise unreachable("this server lets sessions use no MCP servers")
        known = self._know(self._access, server)
        known.n_questions += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                yield known.client
        except McpFault:
            raise
        except TimeoutError as fault:
            error = McpHttpError(code=_GATEWAY_TIMEOUT, message=f"it did not answer within {self._timeout_s:g} s")
            raise McpFault(error) from fault
        except Exception as fault:
            # A fault of ours, which ends this question and no session. Its words may be the server's.
            log_event(logging.ERROR, "MCP client broke", kind=type(fault).__name__)
            raise unreachable(f"it cannot be talked to ({type(fault).__name__})") from fault
        finally:
            known.n_questions -= 1
            self._forget_idle()

    def _know(self, access: McpAccess, server: McpServerTool) -> _Known:
        from duologue.server.mcp.connections import McpConnections

        if self._connections is None:
            self._connections = McpConnections(access.network)
        known = self._known.pop(server, None) or _Known(access.client(server, self._connections))
        self._known[server] = known  # last of all: the first are those that were not used for longest
        return known

    def _forget_idle(self) -> None:
        idle = [server for server, known in self._known.items() if not known.n_questions]
        for server in idle[: max(0, len(self._known) - MAX_SERVERS)]:
            known = self._known.pop(server)
            if self._connections is not None:
                self._connections.network.in_background(_leave([known.client], None))


class _Known:
    """A server that was asked."""

    def __init__(self, client: McpClient) -> None:
        self.client = client
        self.n_questions = 0
        """Those that are not answered."""


async def _leave(clients: list[McpClient], connections: McpConnections | None) -> None:
    try:
        network = connections.network if connections is not None else None
        if network is None or network.takes_more:
            await asyncio.gather(*(client.leave() for client in clients))
    finally:
        if connections is not None:
            await connections.aclose()


def _arguments_of(call: McpCall) -> dict[str, Any]:
    """Raises McpFault for those that are no object, or too much of one."""
    if len(call.arguments) > MAX_ARGUMENT_CHARACTERS:
        reason = f"the arguments are {len(call.arguments)} characters, and {MAX_ARGUMENT_CHARACTERS} are the most"
        raise McpFault(McpToolExecutionError(message=reason))
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        check_depth(arguments)
    except (ValueError, RecursionError) as fault:  # a fault of msgspec's too
        raise McpFault(McpToolExecutionError(message=f"the arguments are no JSON object: {fault}")) from fault
    return arguments


def _address(url: str) -> SplitResult:
    """The parts of an address. Raises ValueError if it is none."""
    parts = urlsplit(url)
    # A name before the host is where readers of addresses disagree.
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or ".." in unquote(parts.path):
        shown = without_secrets(url)
        raise ValueError(
            f"{shown!r} is no address of an MCP server: it looks like https://host/path, and names no user"
        )
    parts.port  # noqa: B018 - raises for one that is no number
    return parts


def _is_below(wanted: SplitResult, allowed: SplitResult) -> bool:
    if (wanted.scheme, wanted.hostname) != (allowed.scheme, allowed.hostname):
        return False
    if (wanted.port or _PORTS[wanted.scheme]) != (allowed.port or _PORTS[allowed.scheme]):
        return False
    folder = allowed.path.rstrip("/")
    return wanted.path == folder or wanted.path.startswith(f"{folder}/")
