"""The functions that a response may call, out of the tools that a session or a response offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from duologue.events import (
    FunctionTool,
    McpServerTool,
    ToolChoiceFunction,
    ToolChoiceMcp,
    is_set,
)
from duologue.protocol.refusals import Refusal

__all__ = ["FunctionOffer", "check_functions", "check_tool_choice"]


class FunctionOffer(Struct, frozen=True):
    """What a responder may call, and whether it must."""

    tools: tuple[FunctionTool, ...]
    choice: str
    """"auto", "none", "required", or the name of the one function to call."""

    @staticmethod
    def of(tools: Any, choice: Any) -> FunctionOffer:
        """The offer that checked wire objects make; a choice that this server cannot follow leaves it free."""
        functions = tuple(tool for tool in _listed(tools) if isinstance(tool, FunctionTool))
        match choice:
            case ToolChoiceFunction(name=name) if any(tool.name == name for tool in functions):
                return FunctionOffer(functions, name)
            case "none" | "required" if functions:
                return FunctionOffer(functions, choice)
            case _:
                return FunctionOffer(functions, "auto")


def check_functions(tools: Any, root: str) -> None:
    """Raise Refusal for a function without a name: nobody could call it."""
    for index, tool in enumerate(_listed(tools)):
        if isinstance(tool, FunctionTool) and not is_set(tool.name):
            raise Refusal("missing", param=f"{root}.tools[{index}].name")


def check_tool_choice(choice: Any, tools: Any, root: str) -> None:
    """Raise Refusal for the choice of a tool that is not offered."""
    match choice:
        case ToolChoiceFunction(name=name):
            offered = any(isinstance(tool, FunctionTool) and tool.name == name for tool in _listed(tools))
        case ToolChoiceMcp(server_label=name):
            offered = any(isinstance(tool, McpServerTool) and tool.server_label == name for tool in _listed(tools))
        case _:
            return
    if not offered:
        raise Refusal("tool_unknown", param=f"{root}.tool_choice", tool=name)


def _listed(tools: Any) -> Sequence[Any]:
    return tools if isinstance(tools, list) else ()
