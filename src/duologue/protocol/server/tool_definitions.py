"""The functions that a response can call, from the tools of the session or the response."""

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
    """The functions that a responder can call, and whether it must."""

    tools: tuple[FunctionTool, ...]
    choice: str
    """"auto", "none", "required", or the name of the one function to call."""
    of_servers: Mapping[str, McpOffer] = msgspec.field(default_factory=dict[str, McpOffer])
    """The tools among them that belong to MCP servers, by the name that the responder gets."""

    @staticmethod
    def of(tools: Any, choice: Any, listed: Sequence[McpOffer] = ()) -> FunctionOffer:
        """The offer of wire objects that have been validated, with what their MCP servers have `listed`.

        A choice that this server cannot follow becomes "auto".
        """
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
    """Raise InvalidRequest for a function without a name, which cannot be called."""
    for index, tool in enumerate(_listed(tools)):
        if isinstance(tool, FunctionTool) and not is_set(tool.name):
            raise InvalidRequest("missing", param=f"{root}.tools[{index}].name")


def check_tool_choice(choice: Any, tools: Any, root: str) -> None:
    """Raise InvalidRequest for the choice of a tool that is not in `tools`."""
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
    """An offer that requires a tool of this server: the `wanted` one, or any."""
    names = [
        name
        for name, offer in of_servers.items()
        if offer.server.server_label == label and wanted in (None, offer.tool.name)
    ]
    if not names:  # not listed yet, or without such a tool: it cannot be required
        return FunctionOffer(tuple(functions), "auto", of_servers)
    if wanted is not None:
        return FunctionOffer(tuple(functions), names[0], of_servers)
    return FunctionOffer(tuple(tool for tool in functions if tool.name in names), "required", of_servers)


def _free_name(offer: McpOffer, taken: Set[Any]) -> str:
    """The tool's name; where that is taken, with its server's label before it, and a number if needed."""
    label, name = offer.server.server_label, offer.tool.name
    longer = (f"{label}-{name}{'' if number == 1 else f'-{number}'}" for number in count(1))
    return next(free for free in chain((name,), longer) if free not in taken)


def without_secrets(tool: Tool) -> Tool:
    """The tool without the keys of its MCP server."""
    if not isinstance(tool, McpServerTool):
        return tool
    hidden = dict.fromkeys(McpServerTool.secret_fields, UNSET)
    url = McpServerTool.shown_url(tool.server_url)
    return msgspec.structs.replace(tool, server_url=url, **hidden)


def _function(name: str, offer: McpOffer) -> FunctionTool:
    """A tool of an MCP server as a function."""
    return FunctionTool(name=name, description=offer.tool.description, parameters=offer.tool.input_schema)


def _listed(tools: Any) -> Sequence[Any]:
    return tools if isinstance(tools, list) else ()
