"""What a response is made with: its own parameters, and the session's where it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import ItemReference, RealtimeSession, ResponseAudioOutput, ResponseCreateParams, is_set
from duologue.events.base import Maybe
from duologue.protocol.server.conversation.client_items import entry_of
from duologue.protocol.server.conversation.context_window import Truncating
from duologue.protocol.server.conversation.items import Conversation, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.mcp_servers import McpOffer
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.session import Session, encoding_of, token_limit, voice_name
from duologue.protocol.server.tool_definitions import FunctionOffer, check_functions, check_tool_choice

__all__ = ["ResponseSettings", "settings_of"]

T = TypeVar("T")


class ResponseSettings(Struct, frozen=True, kw_only=True):
    """Everything about a response that is fixed when it is created."""

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
    """False: one call at most."""
    truncating: Truncating
    context: tuple[Entry, ...]
    """What to answer; by default the whole conversation as it stood when the response was created."""
    own_input: bool
    """The context was given with the response, and is not the conversation."""
    silent_ms: int | None
    """Nobody spoke for so long; the user is to be prompted. None: there is something to answer."""


def settings_of(
    params: ResponseCreateParams,
    session: Session,
    conversation: Conversation,
    outgoing: Outgoing,
    *,
    listed: Callable[[Any], tuple[McpOffer, ...]] = lambda _: (),
    silent_ms: int | None = None,
) -> ResponseSettings:
    """The settings of a response with these parameters; `listed` knows what MCP servers among its tools have. Raises
    InvalidRequest."""
    wire, standard = session.realtime, session.output
    wanted = params.audio.output if is_set(params.audio) and is_set(params.audio.output) else ResponseAudioOutput()
    output = ResponseAudioOutput(
        format=_wanted_or_standard(wanted.format, standard.format),
        voice=_wanted_or_standard(wanted.voice, standard.voice),
    )
    modalities = _wanted_or_standard(params.output_modalities, wire.output_modalities)
    instructions = _wanted_or_standard(params.instructions, wire.instructions)
    return ResponseSettings(
        speak=is_set(modalities) and "audio" in modalities,
        encoding=encoding_of(output),
        format=output,
        voice=voice_name(output.voice),
        speed=float(standard.speed) if is_set(standard.speed) else 1.0,
        instructions=instructions if is_set(instructions) else "",
        max_output_tokens=token_limit(_wanted_or_standard(params.max_output_tokens, wire.max_output_tokens)),
        metadata=params.metadata if is_set(params.metadata) else None,
        in_conversation=params.conversation != "none",
        functions=_functions(params, wire, listed),
        parallel_calls=_wanted_or_standard(params.parallel_tool_calls, wire.parallel_tool_calls) is not False,
        truncating=Truncating.of(wire.truncation),
        context=_context(params, session, conversation, outgoing),
        own_input=is_set(params.input),
        silent_ms=silent_ms,
    )


def _context(
    params: ResponseCreateParams, session: Session, conversation: Conversation, outgoing: Outgoing
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
            # An id of its own: the client's may be that of an item of the conversation.
            item = msgspec.structs.replace(item, id=outgoing.new_id("item"))
            entries.append(entry_of(item, f"response.input[{index}]", encoding=encoding, new_id=outgoing.new_id))
    return tuple(entries)


def _functions(
    params: ResponseCreateParams, session: RealtimeSession, listed: Callable[[Any], tuple[McpOffer, ...]]
) -> FunctionOffer:
    """What may be called: the response's own tools and choice, else the session's. Raises InvalidRequest."""
    tools = _wanted_or_standard(params.tools, session.tools)
    if is_set(params.tools):
        check_functions(params.tools, "response")
    if is_set(params.tool_choice):
        check_tool_choice(params.tool_choice, tools, "response")
    return FunctionOffer.of(tools, _wanted_or_standard(params.tool_choice, session.tool_choice), listed(tools))


def _wanted_or_standard(wanted: Maybe[T], standard: Maybe[T]) -> Maybe[T]:
    """What a response asks for, else what the session has."""
    return wanted if is_set(wanted) else standard
