"""The functions that a response may call, out of the tools that a session or a response offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import chain, count
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from duologue.events import (
    FunctionTool,
    McpServerTool,
    Tool,
    ToolChoiceFunction,
    ToolChoiceMcp,
    is_set,
)
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.mcp_servers import McpOffer

__all__ = ["FunctionOffer", "check_functions", "check_tool_choice", "without_secrets"]


class FunctionOffer(Struct, frozen=True):
    """What a responder may call, and whether it must."""

    tools: tuple[FunctionTool, ...]
    choice: str
    """"auto", "none", "required", or the name of the one function to call."""
    of_servers: Mapping[str, McpOffer] = msgspec.field(default_factory=dict[str, McpOffer])
    """Those of the tools that MCP servers have, by the name under which they are offered here."""

    @staticmethod
    def of(tools: Any, choice: Any, listed: Sequence[McpOffer] = ()) -> FunctionOffer:
        """The offer that checked wire objects make, with what their MCP servers have `listed`; a choice that this
        server cannot follow leaves it free."""
        functions = [tool for tool in _listed(tools) if isinstance(tool, FunctionTool)]
        of_servers: dict[str, McpOffer] = {}
        taken = {tool.name for tool in functions}
        for offer in listed:
            of_servers[_free_name(offer, taken | of_servers.keys())] = offer
        functions += (_function(name, offer) for name, offer in of_servers.items())
        match choice:
            case ToolChoiceFunction(name=name) if any(tool.name == name for tool in functions):
                return FunctionOffer(tuple(functions), name, of_servers)
            case ToolChoiceMcp(server_label=label, name=wanted):
                return _of_one_server(label, wanted if is_set(wanted) else None, functions, of_servers)
            case "none" | "required" if functions:
                return FunctionOffer(tuple(functions), choice, of_servers)
            case _:
                return FunctionOffer(tuple(functions), "auto", of_servers)


def check_functions(tools: Any, root: str) -> None:
    """Raise InvalidRequest for a function without a name: nobody could call it."""
    for index, tool in enumerate(_listed(tools)):
        if isinstance(tool, FunctionTool) and not is_set(tool.name):
            raise InvalidRequest("missing", param=f"{root}.tools[{index}].name")


def check_tool_choice(choice: Any, tools: Any, root: str) -> None:
    """Raise InvalidRequest for the choice of a tool that is not offered."""
    match choice:
        case ToolChoiceFunction(name=name):
            offered = any(isinstance(tool, FunctionTool) and tool.name == name for tool in _listed(tools))
        case ToolChoiceMcp(server_label=name):
            offered = any(isinstance(tool, McpServerTool) and tool.server_label == name for tool in _listed(tools))
        case _:
            return
    if not offered:
        raise InvalidRequest("tool_unknown", param=f"{root}.tool_choice", tool=name)


def _of_one_server(
    label: str, wanted: str | None, functions: Sequence[FunctionTool], of_servers: Mapping[str, McpOffer]
) -> FunctionOffer:
    """An offer that must be met with a tool of this server: with the `wanted` one, or with any."""
    names = [
        name
        for name, offer in of_servers.items()
        if offer.server.server_label == label and wanted in (None, offer.tool.name)
    ]
    if not names:  # it has not been listed, or has no such tool: nobody can be made to call it
        return FunctionOffer(tuple(functions), "auto", of_servers)
    if wanted is not None:
        return FunctionOffer(tuple(functions), names[0], of_servers)
    return FunctionOffer(tuple(tool for tool in functions if tool.name in names), "required", of_servers)


def _free_name(offer: McpOffer, taken: Set[Any]) -> str:
    """The tool's name, or, where that is taken, one with its server's, and a number if need be."""
    label, name = offer.server.server_label, offer.tool.name
    longer = (f"{label}-{name}{'' if number == 1 else f'-{number}'}" for number in count(1))
    return next(free for free in chain((name,), longer) if free not in taken)


def without_secrets(tool: Tool) -> Tool:
    """A tool as anybody may be told it."""
    if not isinstance(tool, McpServerTool):
        return tool
    hidden = dict.fromkeys(McpServerTool.secret_fields, UNSET)
    url = McpServerTool.shown_url(tool.server_url)
    return msgspec.structs.replace(tool, server_url=url, **hidden)


def _function(name: str, offer: McpOffer) -> FunctionTool:
    """A tool of an MCP server as responders know tools."""
    return FunctionTool(name=name, description=offer.tool.description, parameters=offer.tool.input_schema)


def _listed(tools: Any) -> Sequence[Any]:
    return tools if isinstance(tools, list) else ()
