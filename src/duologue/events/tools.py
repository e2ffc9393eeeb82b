"""Tools: what a session may offer the model, how it must choose, and the progress of MCP servers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from duologue.events.base import UNSET, Id, Maybe, ServerEvent, UnknownVariant, Variant, WireObject
from duologue.events.values import ApprovalPolicy, ToolChoiceMode

__all__ = [
    "FunctionTool",
    "McpAllowedTools",
    "McpApprovalFilter",
    "McpListToolsCompletedEvent",
    "McpListToolsFailedEvent",
    "McpListToolsInProgressEvent",
    "McpRequireApproval",
    "McpServerTool",
    "McpTool",
    "McpToolFilter",
    "Tool",
    "ToolChoice",
    "ToolChoiceFunction",
    "ToolChoiceMcp",
    "UnknownTool",
    "UnknownToolChoice",
]


class FunctionTool(Variant, frozen=True, kw_only=True, tag="function"):
    """A function that the client runs; `parameters` is a JSON schema."""

    type: ClassVar[Literal["function"]] = "function"
    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    parameters: Any = UNSET


class McpToolFilter(WireObject, frozen=True, kw_only=True):
    """Chooses tools of an MCP server by name or by what they promise to leave alone."""

    tool_names: Maybe[list[str]] = UNSET
    read_only: Maybe[bool] = UNSET


class McpApprovalFilter(WireObject, frozen=True, kw_only=True):
    """Which tools need the user's approval, and which never do."""

    always: Maybe[McpToolFilter] = UNSET
    never: Maybe[McpToolFilter] = UNSET


McpAllowedTools: TypeAlias = list[str] | McpToolFilter
McpRequireApproval: TypeAlias = ApprovalPolicy | McpApprovalFilter


class McpServerTool(Variant, frozen=True, kw_only=True, tag="mcp"):
    """An MCP server whose tools the realtime server itself lists and calls."""

    type: ClassVar[Literal["mcp"]] = "mcp"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"authorization", "headers"})
    server_label: str
    server_url: Maybe[str] = UNSET
    connector_id: Maybe[str] = UNSET
    server_description: Maybe[str] = UNSET
    authorization: Maybe[str] = UNSET
    headers: Maybe[dict[str, str]] = UNSET
    allowed_tools: Maybe[McpAllowedTools] = UNSET
    allowed_callers: Maybe[list[str]] = UNSET
    require_approval: Maybe[McpRequireApproval] = UNSET
    defer_loading: Maybe[bool] = UNSET
    tunnel_id: Maybe[str] = UNSET

    @classmethod
    def shown(cls, tool: dict[str, Any]) -> dict[str, Any]:
        """A server's JSON as it is sent to a client: without its keys, which may stand in its URL too."""
        shown = {name: value for name, value in tool.items() if name not in cls.secret_fields}
        if "server_url" in shown:
            shown["server_url"] = cls.shown_url(shown["server_url"])
        return shown

    @staticmethod
    def shown_url(url: Any) -> Any:
        """A URL without the name and password that may stand before its host; what is no text, as it is."""
        if not isinstance(url, str):
            return url
        scheme, slashes, rest = url.partition("//")
        end = min((at for at in map(rest.find, "/?#\\") if at >= 0), default=len(rest))
        return f"{scheme}{slashes}{rest[:end].rpartition('@')[2]}{rest[end:]}"


class UnknownTool(UnknownVariant, frozen=True, kw_only=True):
    """A kind of tool that this version does not know."""


Tool: TypeAlias = FunctionTool | McpServerTool | UnknownTool


class ToolChoiceFunction(Variant, frozen=True, kw_only=True, tag="function"):
    """The model must call this function."""

    type: ClassVar[Literal["function"]] = "function"
    name: str


class ToolChoiceMcp(Variant, frozen=True, kw_only=True, tag="mcp"):
    """The model must call this MCP server, or this tool of it."""

    type: ClassVar[Literal["mcp"]] = "mcp"
    server_label: str
    name: Maybe[str] = UNSET


class UnknownToolChoice(UnknownVariant, frozen=True, kw_only=True):
    """A way to choose a tool that this version does not know."""


ToolChoice: TypeAlias = ToolChoiceMode | ToolChoiceFunction | ToolChoiceMcp | UnknownToolChoice


class McpTool(WireObject, frozen=True, kw_only=True):
    """One tool as an MCP server lists it."""

    name: str
    input_schema: Any
    description: Maybe[str] = UNSET
    annotations: Any = UNSET


class McpListToolsInProgressEvent(ServerEvent, frozen=True, kw_only=True, tag="mcp_list_tools.in_progress"):
    """The server asks an MCP server for its tools."""

    type: ClassVar[Literal["mcp_list_tools.in_progress"]] = "mcp_list_tools.in_progress"
    item_id: Id


class McpListToolsCompletedEvent(ServerEvent, frozen=True, kw_only=True, tag="mcp_list_tools.completed"):
    """The tools are listed; responses made before this one lack them."""

    type: ClassVar[Literal["mcp_list_tools.completed"]] = "mcp_list_tools.completed"
    item_id: Id


class McpListToolsFailedEvent(ServerEvent, frozen=True, kw_only=True, tag="mcp_list_tools.failed"):
    """An MCP server could not be asked for its tools."""

    type: ClassVar[Literal["mcp_list_tools.failed"]] = "mcp_list_tools.failed"
    item_id: Id
