"""MCP servers that tests of the protocol offer, and what they have."""

from __future__ import annotations

from typing import Any, Final

from duologue.events import McpTool

DOCS: Final[dict[str, Any]] = {
    "type": "mcp",
    "server_label": "docs",
    "server_url": "https://example.invalid/mcp",
    "require_approval": "never",
}
SEARCH: Final = McpTool(name="search", description="Finds pages.", input_schema={"type": "object"})
WRITE: Final = McpTool(name="write", input_schema={"type": "object"}, annotations={"readOnlyHint": False})
READ: Final = McpTool(name="read", input_schema={"type": "object"}, annotations={"readOnlyHint": True})


def mcp(**fields: Any) -> dict[str, Any]:
    """The server above with other fields."""
    return {**DOCS, **fields}
