"""How a request to an MCP server fails: the error for the client, and what may be logged."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from duologue.events import McpHttpError, McpProtocolError, McpToolExecutionError
from duologue.server.mcp.limits import MAX_ERROR_CHARACTERS

__all__ = ["McpFault", "broken_answer", "cut", "http_fault", "unreachable"]

_BAD_GATEWAY: Final = 502  # https://www.rfc-editor.org/rfc/rfc9110#section-15.6.3


class McpFault(Exception):
    """A request to an MCP server was not sent, or failed; `error` is sent to the client."""

    def __init__(self, error: McpProtocolError | McpToolExecutionError | McpHttpError, *, quotes: bool = False) -> None:
        """`quotes`: the message quotes the MCP server."""
        super().__init__(error.message)
        self.error = error
        self.unquoted: str = error.type if quotes else error.message
        """The message for the log, without quotes."""


def unreachable(message: str, *, code: int = _BAD_GATEWAY) -> McpFault:
    """The server cannot be asked, or its answer cannot be used. `code` is an HTTP status."""
    return McpFault(McpHttpError(code=code, message=message))


def broken_answer(reason: str) -> McpFault:
    """The answer breaks the protocol, or a limit."""
    return unreachable(f"its answer cannot be used: {reason}")


def http_fault(status: int) -> McpFault:
    """The answer's status is not 2xx. The message is HTTP's phrase, because the server's may be anything."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "no success"
    return McpFault(McpHttpError(code=status, message=phrase))


def cut(words: str) -> str:
    """An MCP server's error message, cut to a length that can be shown."""
    return words if len(words) <= MAX_ERROR_CHARACTERS else f"{words[:MAX_ERROR_CHARACTERS]} ..."
