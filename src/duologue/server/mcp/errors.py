"""How a request to an MCP server fails: the error for the client, and what a log may hold."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from duologue.events import McpHttpError, McpProtocolError, McpToolExecutionError
from duologue.server.mcp.limits import MAX_ERROR_CHARACTERS

__all__ = ["McpFault", "broken_answer", "cut", "http_fault", "unreachable"]

# What HTTP says of a server behind another one that cannot be reached.
_BAD_GATEWAY: Final = 502


class McpFault(Exception):
    """An MCP server was not asked, or did not answer; `error` is sent to the client."""

    def __init__(self, error: McpProtocolError | McpToolExecutionError | McpHttpError, *, quotes: bool = False) -> None:
        """`quotes`: the message is the MCP server's own."""
        super().__init__(error.message)
        self.error = error
        self.unquoted = error.type if quotes else error.message
        """What a log may hold."""


def unreachable(message: str, *, code: int = _BAD_GATEWAY) -> McpFault:
    """It cannot be asked, or what it answers is of no use."""
    return McpFault(McpHttpError(code=code, message=message))


def broken_answer(reason: str) -> McpFault:
    """What it answers breaks the protocol, or a bound."""
    return unreachable(f"its answer cannot be used: {reason}")


def http_fault(status: int) -> McpFault:
    """It answers with a status that is no success. In HTTP's words, for a server's own may be anything."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "no success"
    return McpFault(McpHttpError(code=status, message=phrase))


def cut(words: str) -> str:
    """An MCP server's words about its failure, to a length that can be shown."""
    return words if len(words) <= MAX_ERROR_CHARACTERS else f"{words[:MAX_ERROR_CHARACTERS]} ..."
