"""What a client sends of its own making: ids, text messages, and the first configuration of a session."""

from __future__ import annotations

import secrets

import msgspec

from duologue.events import (
    ConversationItemCreateEvent,
    InputTextPart,
    MessageItem,
    OutputTextPart,
    RealtimeSessionConfig,
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


def initial_config(session: RealtimeSessionConfig | None, toolbox: Toolbox) -> RealtimeSessionConfig | None:
    """The configuration that is sent first: `session` with the functions of `toolbox`; None without either."""
    if not len(toolbox):
        return session
    config = session if session is not None else RealtimeSessionConfig()
    return msgspec.structs.replace(config, tools=list(toolbox.tools))
