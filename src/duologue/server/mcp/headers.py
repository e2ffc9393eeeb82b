"""Headers of requests to MCP servers: those of the session, and those that repeat values of the body.

https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#request-metadata
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from duologue.events import McpServerTool, is_set
from duologue.server.mcp.errors import unreachable
from duologue.server.mcp.limits import MAX_HEADER_CHARACTERS, MAX_HEADERS, MAX_SCHEMAS

__all__ = ["HEADER_KEYWORD", "ParameterHeaders", "call_headers", "header_value", "parameter_headers", "session_headers"]

_NOT_THE_SESSIONS: Final = frozenset(
    "accept accept-encoding connection content-length content-type expect host keep-alive last-event-id mcp-method"
    " mcp-name mcp-protocol-version mcp-session-id proxy-authorization te trailer transfer-encoding upgrade".split()
)
"""Headers that a client cannot set: they would change the destination, the connection or the framing."""

HEADER_KEYWORD: Final = "x-mcp-header"
"""In the schema of an argument: the name of the header that repeats the argument, without the prefix."""
_PREFIX: Final = "Mcp-Param-"
_DATA: Final = frozenset({"const", "default", "enum", "examples"})  # keywords of a schema whose values are not schemas
_PLAIN_TYPES: Final = ("string", "integer", "boolean")

# Linear-time patterns; none comes from a server. token and field-content of RFC 9110, sections 5.6.2 and 5.5.
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLAIN_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")

ParameterHeaders = Mapping[tuple[str, ...], str]
"""The name of the header for each argument that a header repeats, by the path of the argument."""


def session_headers(server: McpServerTool) -> list[tuple[bytes, bytes]]:
    """The headers of the session for a server.

    Raises:
        McpFault: one is not a valid header, or they exceed a limit.
    """
    given = server.headers if is_set(server.headers) else {}
    headers = {name: value for name, value in given.items() if _is_the_sessions(name.lower())}
    if is_set(server.authorization):
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {server.authorization}"
    if len(headers) > MAX_HEADERS or sum(map(len, (*headers, *headers.values()))) > MAX_HEADER_CHARACTERS:
        raise unreachable(f"its headers are more than {MAX_HEADERS}, or longer than {MAX_HEADER_CHARACTERS} characters")
    if not all(_TOKEN.fullmatch(name) and _PLAIN_VALUE.fullmatch(value) for name, value in headers.items()):
        raise unreachable("one of its headers is not valid: names are HTTP tokens, values visible ASCII")
    return [(name.encode(), value.strip().encode()) for name, value in headers.items()]


def header_value(value: str) -> bytes:
    """A value of the body as the value of a header: as it is, or in base64."""
    looks_encoded = value.startswith("=?base64?") and value.endswith("?=")
    if _PLAIN_VALUE.fullmatch(value) and value == value.strip() and not looks_encoded:
        return value.encode()
    return b"=?base64?" + base64.b64encode(value.encode("utf-8", "replace")) + b"?="


def parameter_headers(input_schema: object) -> ParameterHeaders:
    """The arguments of a tool that its calls repeat in headers.

    Raises:
        ValueError: the schema uses the keyword where the specification does not allow it; the tool must not be offered.
    """
    found: dict[tuple[str, ...], str] = {}
    names: set[str] = set()
    for path, schema in _schemas(input_schema):
        if HEADER_KEYWORD not in schema:
            continue
        name = schema[HEADER_KEYWORD]
        if not path or not isinstance(name, str) or not _TOKEN.fullmatch(name) or name.lower() in names:
            raise ValueError(f"{HEADER_KEYWORD} is not allowed here, or is not a header name")
        if schema.get("type") not in _PLAIN_TYPES:
            raise ValueError(f"{HEADER_KEYWORD} is for strings, integers and booleans")
        names.add(name.lower())
        found[path] = name
    if len(found) > MAX_HEADERS:
        raise ValueError(f"{HEADER_KEYWORD} occurs more than {MAX_HEADERS} times")
    return found


def call_headers(headers: ParameterHeaders, arguments: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """The headers of a call with these arguments. Raises ValueError if they exceed a limit."""
    made: list[tuple[bytes, bytes]] = []
    for path, name in headers.items():
        value = _at(arguments, path)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, (str, int)):
            made.append(((_PREFIX + name).encode(), header_value(str(value))))
    if sum(len(name) + len(value) for name, value in made) > MAX_HEADER_CHARACTERS:
        raise ValueError(f"the arguments that the MCP server wants as headers exceed {MAX_HEADER_CHARACTERS} bytes")
    return made


def _is_the_sessions(name: str) -> bool:
    return name not in _NOT_THE_SESSIONS and not name.startswith(_PREFIX.lower())


def _schemas(root: object) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Each schema in a schema, and the path of its argument; None where not every call has that argument."""
    waiting: list[tuple[tuple[str, ...] | None, object]] = [((), root)]
    n_seen = 0
    while waiting:
        path, node = waiting.pop()
        n_seen += 1
        if n_seen > MAX_SCHEMAS:
            raise ValueError(f"it wants headers, and holds more than {MAX_SCHEMAS} schemas")
        if isinstance(node, list):
            waiting += ((None, inner) for inner in node)
        if not isinstance(node, dict):
            continue
        yield path, node
        for keyword, inner in node.items():
            if keyword == "properties" and isinstance(inner, dict):
                waiting += ((None if path is None else (*path, name), schema) for name, schema in inner.items())
            elif keyword not in _DATA and isinstance(inner, (dict, list)):
                waiting.append((None, inner))


def _at(arguments: object, path: tuple[str, ...]) -> object:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments
