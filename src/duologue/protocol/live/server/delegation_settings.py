"""Settings of a session's delegation: what may be asked for, and what an update leaves of them.

In an update the fields of `responses` are merged, and a list of tools replaces the one before, as was measured at the
hosted service.
"""

from __future__ import annotations

import re
from typing import Any, Final, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from duologue.events import is_set
from duologue.events.base import Maybe
from duologue.events.live import (
    LiveBackendTool,
    LiveClientDelegation,
    LiveDecisionsDelegation,
    LiveDelegation,
    LiveFunctionTool,
    LiveResponsesBackend,
    LiveResponsesDelegation,
    LiveToolChoiceFunction,
    UnknownLiveDelegation,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand

__all__ = ["checked_delegation", "delegation_of", "function_choice", "functions_of", "merged_delegation"]

_PATH: Final = "session.delegation"
_CHOICES: Final = ("auto", "none", "required")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Of a function, as published for the Responses API."""

_MAX_DELAY_MS: Final = 60_000
"""Of the acknowledgement; a longer pause would come after most answers."""


def delegation_of(wanted: Maybe[LiveDelegation]) -> LiveDelegation:
    """What is wanted; absent and null are `client`."""
    return wanted if isinstance(wanted, LiveDelegation) else LiveClientDelegation()


def checked_delegation(delegation: LiveDelegation, limits: LiveDefaults) -> LiveDelegation:
    """The delegation of a start. Raises RefusedCommand."""
    delay_ms = getattr(delegation, "acknowledgement_delay_ms", UNSET)
    if is_set(delay_ms) and not 0 <= delay_ms <= _MAX_DELAY_MS:
        reason = f"expected a number from 0 to {_MAX_DELAY_MS}"
        raise RefusedCommand("wrong_value", param=f"{_PATH}.acknowledgement_delay_ms", reason=reason)
    match delegation:
        case LiveClientDelegation():
            pass
        case LiveResponsesDelegation():
            backend = delegation.responses
            if not is_set(backend):
                raise RefusedCommand("missing", param=f"{_PATH}.responses")
            if not is_set(backend.model) or not backend.model.strip():
                raise RefusedCommand("missing", param=f"{_PATH}.responses.model")
            _check_backend(backend, limits)
        case LiveDecisionsDelegation():
            raise RefusedCommand("not_supported", param=f"{_PATH}.type", value="'decisions'")
        case UnknownLiveDelegation():
            reason = "expected 'client', 'responses' or 'decisions'"
            raise RefusedCommand("wrong_value", param=f"{_PATH}.type", reason=reason)
        case _:
            assert_never(delegation)
    return delegation


def merged_delegation(before: LiveDelegation, change: LiveDelegation, limits: LiveDefaults) -> LiveDelegation:
    """The delegation after a change to one of the same type. Raises RefusedCommand."""
    fields = _given(change)
    backend = fields.get("responses")
    if isinstance(before, LiveResponsesDelegation) and is_set(before.responses) and is_set(backend):
        fields["responses"] = replace(before.responses, **_given(backend))
    return checked_delegation(replace(before, **fields), limits)


def functions_of(delegation: LiveDelegation) -> tuple[LiveFunctionTool, ...]:
    """The functions that the Responses model may call."""
    if not isinstance(delegation, LiveResponsesDelegation) or not is_set(delegation.responses):
        return ()
    tools = delegation.responses.tools
    return tuple(tool for tool in tools if isinstance(tool, LiveFunctionTool)) if is_set(tools) else ()


def function_choice(delegation: LiveDelegation) -> str:
    """ "auto", "none", "required", or the name of the one function to call."""
    if not isinstance(delegation, LiveResponsesDelegation) or not is_set(delegation.responses):
        return "auto"
    choice = delegation.responses.tool_choice
    if isinstance(choice, LiveToolChoiceFunction):
        return choice.name
    return choice if isinstance(choice, str) else "auto"


def _given(value: Any) -> dict[str, Any]:
    """The fields that are there; null takes the default again."""
    return {
        name: field if field is not None else UNSET
        for name in value.__struct_fields__
        if name != "extra" and (field := getattr(value, name)) is not UNSET
    }


def _check_backend(backend: LiveResponsesBackend, limits: LiveDefaults) -> None:
    path = f"{_PATH}.responses"
    tools = backend.tools if is_set(backend.tools) else []
    _check_tools(tools, path, limits)
    choice = backend.tool_choice
    if isinstance(choice, LiveToolChoiceFunction):
        if choice.name not in {tool.name for tool in tools if isinstance(tool, LiveFunctionTool)}:
            raise RefusedCommand("wrong_value", param=f"{path}.tool_choice.name", reason="no tool has this name")
    elif is_set(choice) and choice not in _CHOICES:
        reason = "expected 'auto', 'none', 'required' or a function"
        raise RefusedCommand("wrong_value", param=f"{path}.tool_choice", reason=reason)
    if is_set(backend.max_output_tokens) and backend.max_output_tokens <= 0:
        raise RefusedCommand("wrong_value", param=f"{path}.max_output_tokens", reason="expected a positive number")


def _check_tools(tools: list[LiveBackendTool], path: str, limits: LiveDefaults) -> None:
    if len(tools) > limits.max_tools:
        raise RefusedCommand("too_long", param=f"{path}.tools", max=limits.max_tools, unit="tools", got=len(tools))
    names: set[str] = set()
    for index, tool in enumerate(tools):
        if not isinstance(tool, LiveFunctionTool):
            value = f"a tool of the type {tool.type!r}"
            raise RefusedCommand("not_supported", param=f"{path}.tools[{index}].type", value=value)
        if not _NAME.fullmatch(tool.name):
            reason = "expected 1 to 64 letters, digits, underscores or hyphens"
            raise RefusedCommand("wrong_value", param=f"{path}.tools[{index}].name", reason=reason)
        if tool.name in names:
            raise RefusedCommand("wrong_value", param=f"{path}.tools[{index}].name", reason="two tools have this name")
        if is_set(tool.parameters) and not isinstance(tool.parameters, dict):
            reason = "expected a JSON schema, which is an object"
            raise RefusedCommand("wrong_value", param=f"{path}.tools[{index}].parameters", reason=reason)
        names.add(tool.name)
