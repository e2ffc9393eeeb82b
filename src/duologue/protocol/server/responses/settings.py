"""The settings of a response: its own parameters, else the session's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import ItemReference, RealtimeSession, ResponseAudioOutput, ResponseCreateParams, is_set
from duologue.events.base import Maybe
from duologue.protocol.server.conversation.client_items import entry_of
from duologue.protocol.server.conversation.context_window import TruncationSettings
from duologue.protocol.server.conversation.items import ConversationItems, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.mcp_servers import McpOffer
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.responses.forced import ForcedMessage
from duologue.protocol.server.session import Session, encoding_of, token_limit, voice_name
from duologue.protocol.server.tool_definitions import FunctionOffer, check_functions, check_tool_choice

__all__ = ["ResponseSettings", "settings_of"]

T = TypeVar("T")


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """What is fixed when the response is created."""

    speak: bool
    encoding: Encoding
    format: ResponseAudioOutput
    voice: str
    speed: float
    instructions: str
    max_output_tokens: int | None
    metadata: dict[str, str] | None
    in_conversation: bool
    functions: FunctionOffer
    parallel_calls: bool
    """False: at most one call."""
    truncation: TruncationSettings
    context: tuple[Entry, ...]
    """The items to answer; by default the conversation when the response was created."""
    own_input: bool
    """Whether the context is the response's `input` and not the conversation."""
    message: ForcedMessage | None
    """What to speak word for word; None: the model answers."""
    silent_ms: int | None
    """How long the user has been silent, if the response is to prompt them; None: there is something to answer."""


def settings_of(
    params: ResponseCreateParams,
    session: Session,
    conversation: ConversationItems,
    outgoing: Outgoing,
    *,
    listed: Callable[[Any], tuple[McpOffer, ...]] = lambda _: (),
    silent_ms: int | None = None,
    message: ForcedMessage | None = None,
) -> ResponseSettings:
    """The settings of a response with these parameters. Raises InvalidRequest.

    `listed` returns the tools of the MCP servers among given tools.
    """
    wire, default = session.realtime, session.output
    own = params.audio.output if is_set(params.audio) and is_set(params.audio.output) else ResponseAudioOutput()
    output = ResponseAudioOutput(
        format=_own_or_session(own.format, default.format),
        voice=message.voice if message is not None and message.voice else _own_or_session(own.voice, default.voice),
    )
    modalities = _own_or_session(params.output_modalities, wire.output_modalities)
    instructions = _own_or_session(params.instructions, wire.instructions)
    return ResponseSettings(
        speak=is_set(modalities) and "audio" in modalities,
        encoding=encoding_of(output),
        format=output,
        voice=voice_name(output.voice),
        speed=float(default.speed) if is_set(default.speed) else 1.0,
        instructions=instructions if is_set(instructions) else "",
        # What the client wrote itself is said to its end.
        max_output_tokens=None
        if message is not None
        else token_limit(_own_or_session(params.max_output_tokens, wire.max_output_tokens)),
        metadata=params.metadata if is_set(params.metadata) else None,
        in_conversation=params.conversation != "none",
        functions=_functions(params, wire, listed),
        parallel_calls=_own_or_session(params.parallel_tool_calls, wire.parallel_tool_calls) is not False,
        truncation=TruncationSettings.of(wire.truncation),
        context=_context(params, session, conversation, outgoing),
        own_input=is_set(params.input),
        silent_ms=silent_ms,
        message=message,
    )


def _context(
    params: ResponseCreateParams, session: Session, conversation: ConversationItems, outgoing: Outgoing
) -> tuple[Entry, ...]:
    if not is_set(params.input):
        return tuple(conversation)
    encoding = encoding_of(session.input)
    entries: list[Entry] = []
    for index, item in enumerate(params.input):
        if isinstance(item, ItemReference):
            entry = conversation.get(item.id)
            if entry is None:
                raise InvalidRequest("previous_unknown", param=f"response.input[{index}].id", item_id=item.id)
            entries.append(entry)
        else:
            # A new id, because the client's can be that of an item in the conversation.
            item = msgspec.structs.replace(item, id=outgoing.new_id("item"))
            entries.append(entry_of(item, f"response.input[{index}]", encoding=encoding, new_id=outgoing.new_id))
    return tuple(entries)


def _functions(
    params: ResponseCreateParams, session: RealtimeSession, listed: Callable[[Any], tuple[McpOffer, ...]]
) -> FunctionOffer:
    """The functions of the response: from its own tools and choice, else the session's. Raises InvalidRequest."""
    tools = _own_or_session(params.tools, session.tools)
    if is_set(params.tools):
        check_functions(params.tools, "response")
    if is_set(params.tool_choice):
        check_tool_choice(params.tool_choice, tools, "response")
    return FunctionOffer.of(tools, _own_or_session(params.tool_choice, session.tool_choice), listed(tools))


def _own_or_session(own: Maybe[T], default: Maybe[T]) -> Maybe[T]:
    """The response's own value, else the session's."""
    return own if is_set(own) else default
