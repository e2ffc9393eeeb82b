"""What a client sends of its own making: ids, text messages, and the first configuration of a session."""

from __future__ import annotations

import secrets

import msgspec

from duologue.client.mappings import SessionInput, to_session
from duologue.errors import LocalProtocolError
from duologue.events import (
    AnySessionConfig,
    ConversationItemCreateEvent,
    FunctionTool,
    InputTextPart,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
    is_set,
)
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = ["initial_config", "new_id", "text_message"]


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{secrets.token_hex(10)}"


def text_message(text: str, *, role: str) -> ConversationItemCreateEvent:
    """The event that adds a text message to the conversation."""
    part = OutputTextPart(text=text) if role == "assistant" else InputTextPart(text=text)
    return ConversationItemCreateEvent(item=MessageItem(role=role, content=[part]))


def initial_config(session: SessionInput | None, toolbox: Toolbox) -> AnySessionConfig | None:
    """The configuration that is sent first: `session` with its own tools and those of `toolbox`; None without either.

    Raises:
        LocalProtocolError: a mapping has a setting that its kind does not allow, or the session can have no tools.
        ValueError: a tool of the session has the name of one of `toolbox`.
    """
    config = to_session(session) if session is not None else None
    if not len(toolbox):
        return config
    if config is None:
        config = RealtimeSessionConfig()
    elif not isinstance(config, RealtimeSessionConfig):
        raise LocalProtocolError(f"tools: a session of type {config.type!r} has none")
    own = list(config.tools) if is_set(config.tools) else []
    names = [tool.name for tool in own if isinstance(tool, FunctionTool) and is_set(tool.name)]
    if twice := [name for name in names if name in toolbox]:
        raise ValueError(f"{twice[0]!r} is among the session's tools and among `tools`: leave one of them out")
    return msgspec.structs.replace(config, tools=[*own, *toolbox.offered])
