"""Errors about MCP servers, for clients and for logs."""

from __future__ import annotations

import pytest

from duologue.events import McpToolExecutionError
from duologue.server.mcp.errors import McpFault, cut, http_fault
from duologue.server.mcp.limits import MAX_ERROR_CHARACTERS


@pytest.mark.parametrize(("status", "phrase"), [(404, "Not Found"), (299, "no success")])
def test_a_status_has_the_phrase_of_http(status: int, phrase: str) -> None:
    assert http_fault(status).error.message == phrase


def test_the_server_s_own_words_are_cut_and_in_no_log() -> None:
    fault = McpFault(McpToolExecutionError(message=cut("x" * 5_000)), quotes=True)
    assert len(fault.error.message) == MAX_ERROR_CHARACTERS + len(" ...")
    assert fault.unquoted == "tool_execution_error"
