"""Delegation: to whom a Live session hands work, and the Responses model with its tools that may do it.

https://platform.openai.com/docs/guides/live
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from duologue.events.base import UNSET, Id, Maybe, UnknownVariant, Variant, WireObject
from duologue.events.live.decisions import DecisionQuestion
from duologue.events.tools import McpAllowedTools, McpRequireApproval

__all__ = [
    "LiveBackendReasoning",
    "LiveBackendText",
    "LiveBackendTool",
    "LiveBackendToolChoice",
    "LiveClientDelegation",
    "LiveDecisionsBackend",
    "LiveDecisionsDelegation",
    "LiveDelegation",
    "LiveDelegationRef",
    "LiveDelegationTarget",
    "LiveFunctionTool",
    "LiveMcpTool",
    "LiveResponsesBackend",
    "LiveResponsesDelegation",
    "LiveServiceTier",
    "LiveShellContainerAuto",
    "LiveShellContainerReference",
    "LiveShellEnvironment",
    "LiveShellLocal",
    "LiveShellTool",
    "LiveToolChoiceAllowed",
    "LiveToolChoiceCustom",
    "LiveToolChoiceFunction",
    "LiveToolChoiceMcp",
    "UnknownLiveDelegation",
    "UnknownLiveShellEnvironment",
    "UnknownLiveTool",
    "UnknownLiveToolChoice",
]

LiveDelegationTarget: TypeAlias = Annotated[str, Meta(examples=["client", "responses", "decisions"])]
LiveServiceTier: TypeAlias = Annotated[
    str, Meta(examples=["auto", "default", "fast_tier_temp_pilot", "flex", "priority", "ultrafast"])
]

# --- tools of the Responses model -----------------------------------------------------------------------------------


class LiveFunctionTool(Variant, frozen=True, kw_only=True, tag="function"):
    """A function that the application runs; `parameters` is a JSON schema."""

    type: ClassVar[Literal["function"]] = "function"
    name: str
    description: Maybe[str] = UNSET
    parameters: Any = UNSET
    strict: Maybe[bool] = UNSET


class LiveMcpTool(Variant, frozen=True, kw_only=True, tag="mcp"):
    """An MCP server whose tools the service lists and calls."""

    type: ClassVar[Literal["mcp"]] = "mcp"
    secret_fields: ClassVar[frozenset[str]] = frozenset({"authorization", "headers"})
    server_label: Maybe[str] = UNSET
    server_url: Maybe[str] = UNSET
    tunnel_id: Maybe[str] = UNSET
    connector_id: Maybe[str] = UNSET
    authorization: Maybe[str] = UNSET
    headers: Maybe[dict[str, str]] = UNSET
    allowed_tools: Maybe[McpAllowedTools] = UNSET
    require_approval: Maybe[McpRequireApproval] = UNSET
    allowed_callers: Maybe[list[str]] = UNSET
    defer_loading: Maybe[bool] = UNSET
    server_description: Maybe[str] = UNSET


class LiveShellContainerAuto(Variant, frozen=True, kw_only=True, tag="container_auto"):
    """A container that the service makes for the session."""

    type: ClassVar[Literal["container_auto"]] = "container_auto"
    file_ids: Maybe[list[str]] = UNSET
    memory_limit: Maybe[str] = UNSET
    network_policy: Any = UNSET
    skills: Any = UNSET


class LiveShellContainerReference(Variant, frozen=True, kw_only=True, tag="container_reference"):
    """A container that exists."""

    type: ClassVar[Literal["container_reference"]] = "container_reference"
    container_id: str


class LiveShellLocal(Variant, frozen=True, kw_only=True, tag="local"):
    """The application's own machine: it runs the commands."""

    type: ClassVar[Literal["local"]] = "local"
    skills: Any = UNSET


class UnknownLiveShellEnvironment(UnknownVariant, frozen=True, kw_only=True):
    """A place for a shell that this version does not know."""


LiveShellEnvironment: TypeAlias = (
    LiveShellContainerAuto | LiveShellContainerReference | LiveShellLocal | UnknownLiveShellEnvironment
)


class LiveShellTool(Variant, frozen=True, kw_only=True, tag="shell"):
    """A shell, and where its commands run."""

    type: ClassVar[Literal["shell"]] = "shell"
    environment: Maybe[LiveShellEnvironment] = UNSET


class UnknownLiveTool(UnknownVariant, frozen=True, kw_only=True):
    """A tool that the service hosts, such as `web_search`, or one that this version does not know; kept as it came."""


LiveBackendTool: TypeAlias = LiveFunctionTool | LiveMcpTool | LiveShellTool | UnknownLiveTool


class LiveToolChoiceFunction(Variant, frozen=True, kw_only=True, tag="function"):
    """The model must call this function."""

    type: ClassVar[Literal["function"]] = "function"
    name: str


class LiveToolChoiceMcp(Variant, frozen=True, kw_only=True, tag="mcp"):
    """The model must call this tool of this MCP server."""

    type: ClassVar[Literal["mcp"]] = "mcp"
    server_label: str
    name: Maybe[str] = UNSET


class LiveToolChoiceCustom(Variant, frozen=True, kw_only=True, tag="custom"):
    """The model must call this tool, whose input is plain text."""

    type: ClassVar[Literal["custom"]] = "custom"
    name: str


class LiveToolChoiceAllowed(Variant, frozen=True, kw_only=True, tag="allowed_tools"):
    """The model may call these tools and no others."""

    type: ClassVar[Literal["allowed_tools"]] = "allowed_tools"
    tools: list[Any]
    mode: Maybe[str] = UNSET


class UnknownLiveToolChoice(UnknownVariant, frozen=True, kw_only=True):
    """A hosted tool that the model must use, or a way to choose that this version does not know; kept as it came."""


LiveBackendToolChoice: TypeAlias = (
    str
    | LiveToolChoiceFunction
    | LiveToolChoiceMcp
    | LiveToolChoiceCustom
    | LiveToolChoiceAllowed
    | UnknownLiveToolChoice
)
"""`auto`, `none`, `required`, or one of these."""

# --- the Responses model --------------------------------------------------------------------------------------------


class LiveBackendReasoning(WireObject, frozen=True, kw_only=True):
    """How much the model thinks, and how it sums that up."""

    effort: Maybe[str] = UNSET
    summary: Maybe[str] = UNSET


class LiveBackendText(WireObject, frozen=True, kw_only=True):
    """How long the model's texts are: `low`, `medium` or `high`."""

    verbosity: Maybe[str] = UNSET


class LiveResponsesBackend(WireObject, frozen=True, kw_only=True):
    """The Responses model that does the work, and its settings. The voice model has no tools of its own.

    A start names the model. In an update and in a fork, send all settings: servers differ in what an absent one means.
    """

    model: Maybe[str] = UNSET
    instructions: Maybe[str] = UNSET
    tools: Maybe[list[LiveBackendTool]] = UNSET
    tool_choice: Maybe[LiveBackendToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    max_output_tokens: Maybe[int] = UNSET
    reasoning: Maybe[LiveBackendReasoning] = UNSET
    text: Maybe[LiveBackendText] = UNSET
    service_tier: Maybe[LiveServiceTier] = UNSET


class LiveDecisionsBackend(WireObject, frozen=True, kw_only=True):
    """The model of the Decision API, and its questions. A start names both."""

    model: Maybe[str] = UNSET
    questions: Maybe[list[DecisionQuestion]] = UNSET


# --- delegation -----------------------------------------------------------------------------------------------------


class LiveClientDelegation(Variant, frozen=True, kw_only=True, tag="client"):
    """The application does the work, and answers with `session.commentary.append` or `session.thinking.append`.

    `acknowledgement_delay_ms` is the pause before the voice says that it takes a moment; so for every kind.
    """

    type: ClassVar[Literal["client"]] = "client"
    acknowledgement_delay_ms: Maybe[int] = UNSET


class LiveResponsesDelegation(Variant, frozen=True, kw_only=True, tag="responses"):
    """A text model of the Responses API, which the service runs, does the work."""

    type: ClassVar[Literal["responses"]] = "responses"
    responses: Maybe[LiveResponsesBackend] = UNSET
    acknowledgement_delay_ms: Maybe[int] = UNSET


class LiveDecisionsDelegation(Variant, frozen=True, kw_only=True, tag="decisions"):
    """The Decision API answers questions, and the application carries out what follows from them."""

    type: ClassVar[Literal["decisions"]] = "decisions"
    decisions: Maybe[LiveDecisionsBackend] = UNSET
    acknowledgement_delay_ms: Maybe[int] = UNSET


class UnknownLiveDelegation(UnknownVariant, frozen=True, kw_only=True):
    """A way to delegate that this version does not know."""


LiveDelegation: TypeAlias = (
    LiveClientDelegation | LiveResponsesDelegation | LiveDecisionsDelegation | UnknownLiveDelegation
)
"""Absent or null is `client`. The type is fixed at the start of a session; an update changes settings."""


class LiveDelegationRef(WireObject, frozen=True, kw_only=True):
    """A piece of work that was handed over. It has no text: what to do is known from the transcript."""

    id: Id
    target: LiveDelegationTarget
    type: Maybe[str] = UNSET
    response_id: Maybe[Id] = UNSET
