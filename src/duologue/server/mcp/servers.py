"""The tools of MCP servers: which servers a session may use, and how its requests reach them."""

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
_GATEWAY_TIMEOUT: Final = 504  # https://www.rfc-editor.org/rfc/rfc9110#section-15.6.5


class McpAccess:
    """The MCP servers that sessions may name: those at or below one of these addresses. "*" allows any address.

    The client names the server, and this process connects to it: with "*", every client reaches what this machine can.

    Raises:
        MissingExtra: the `server` extra is not installed.
        ValueError: one is not an address.
    """

    def __init__(self, *urls: str) -> None:
        # Imported here, because most servers need no MCP.
        with needs("server"):
            from duologue.server.mcp.connections import McpNetwork
        self.network: McpNetwork = McpNetwork()
        self._any = _ANY in urls
        self._allowed = tuple(_address(url) for url in urls if url != _ANY)

    def permits(self, url: str) -> bool:
        """Whether sessions may use the server at this address."""
        try:
            wanted = _address(url)
        except ValueError:
            return False
        return self._any or any(_is_below(wanted, allowed) for allowed in self._allowed)

    def client(self, server: McpServerTool, connections: McpConnections) -> McpClient:
        """A client of this server. Raises McpFault for one that is not permitted, or has wrong headers."""
        import httpx

        from duologue.server.mcp.client import McpClient
        from duologue.server.mcp.headers import session_headers

        address = server.server_url if is_set(server.server_url) else ""
        # Both readings of the address must be permitted: two URL parsers may disagree about the host.
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if not (self.permits(address) and self.permits(str(url))):
            raise unreachable("this server does not let sessions use that MCP server")
        return McpClient(url, session_headers(server), connections)


class McpSession:
    """One session's MCP clients. Each keeps its negotiated version and connections for the next request."""

    def __init__(self, access: McpAccess | None, *, timeout_s: float) -> None:
        """`timeout_s` is for one call of a method, with all its HTTP requests. Without `access` every call fails."""
        self._access = access
        self._timeout_s = timeout_s
        self._connections: McpConnections | None = None
        self._clients: dict[McpServerTool, _OpenClient] = {}

    async def list_tools(self, server: McpServerTool) -> list[McpTool]:
        """The tools of the server. Raises McpFault."""
        async with self._request(server) as client:
            return await client.list_tools()

    async def call(self, call: McpCall) -> str:
        """The result of the tool, as text. Raises McpFault."""
        arguments = _arguments_of(call)
        async with self._request(call.server) as client:
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
        """End the MCP sessions and close all connections, in the background."""
        clients, self._clients = [entry.client for entry in self._clients.values()], {}
        if (connections := self._connections) is not None:
            self._connections = None
            connections.network.in_background(_end_sessions(clients, connections))

    @asynccontextmanager
    async def _request(self, server: McpServerTool) -> AsyncGenerator[McpClient, None]:
        if self._access is None:
            raise unreachable("this server lets sessions use no MCP servers")
        entry = self._client_of(self._access, server)
        entry.n_requests += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                yield entry.client
        except McpFault:
            raise
        except TimeoutError as fault:
            error = McpHttpError(code=_GATEWAY_TIMEOUT, message=f"it did not answer within {self._timeout_s:g} s")
            raise McpFault(error) from fault
        except Exception as fault:
            # A fault of this client ends the request, not the session. Its message may quote the server.
            log_event(logging.ERROR, "MCP client broke", kind=type(fault).__name__)
            raise unreachable(f"it cannot be talked to ({type(fault).__name__})") from fault
        finally:
            entry.n_requests -= 1
            self._close_idle()

    def _client_of(self, access: McpAccess, server: McpServerTool) -> _OpenClient:
        from duologue.server.mcp.connections import McpConnections

        if self._connections is None:
            self._connections = McpConnections(access.network)
        entry = self._clients.pop(server, None) or _OpenClient(access.client(server, self._connections))
        self._clients[server] = entry  # moved to the end: the first are the least recently used
        return entry

    def _close_idle(self) -> None:
        idle = [server for server, entry in self._clients.items() if not entry.n_requests]
        for server in idle[: max(0, len(self._clients) - MAX_SERVERS)]:
            entry = self._clients.pop(server)
            if self._connections is not None:
                self._connections.network.in_background(_end_sessions([entry.client], None))


class _OpenClient:
    """The client of one server."""

    def __init__(self, client: McpClient) -> None:
        self.client = client
        self.n_requests = 0
        """Requests under way."""


async def _end_sessions(clients: list[McpClient], connections: McpConnections | None) -> None:
    try:
        network = connections.network if connections is not None else None
        if network is None or network.has_room:
            await asyncio.gather(*(client.end_session() for client in clients))
    finally:
        if connections is not None:
            await connections.aclose()


def _arguments_of(call: McpCall) -> dict[str, Any]:
    """The arguments as an object. Raises McpFault if they are not one, or exceed a limit."""
    if len(call.arguments) > MAX_ARGUMENT_CHARACTERS:
        reason = f"the arguments are {len(call.arguments)} characters, and {MAX_ARGUMENT_CHARACTERS} are the most"
        raise McpFault(McpToolExecutionError(message=reason))
    try:
        arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        check_depth(arguments)
    except (ValueError, RecursionError) as fault:  # RecursionError: msgspec's for deep JSON
        raise McpFault(McpToolExecutionError(message=f"the arguments are no JSON object: {fault}")) from fault
    return arguments


def _address(url: str) -> SplitResult:
    """The parts of an address. Raises ValueError if it is not one."""
    parts = urlsplit(url)
    # URL parsers disagree about the host behind a user name (`@`) and about `..` in paths.
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or ".." in unquote(parts.path):
        shown = without_secrets(url)
        raise ValueError(
            f"{shown!r} is no address of an MCP server: it looks like https://host/path, and names no user"
        )
    parts.port  # noqa: B018 - raises ValueError for a port that is not a number
    return parts


def _is_below(wanted: SplitResult, allowed: SplitResult) -> bool:
    if (wanted.scheme, wanted.hostname) != (allowed.scheme, allowed.hostname):
        return False
    if (wanted.port or _PORTS[wanted.scheme]) != (allowed.port or _PORTS[allowed.scheme]):
        return False
    folder = allowed.path.rstrip("/")
    return wanted.path == folder or wanted.path.startswith(f"{folder}/")
