"""Makes the request to a responder: the items of a conversation as messages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from duologue.clock import local_date
from duologue.engines.base import Function, FunctionCall, Image, Message, ResponderRequest
from duologue.events import (
    ConversationItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    FunctionTool,
    InputImagePart,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    MessageItem,
    is_set,
)
from duologue.protocol import Respond

__all__ = ["in_turn", "request_of"]

_SHORT_CONTEXT: Final = 200
"""Items that a responder's request is made of at once, in half a millisecond. A conversation may have thousands, and
a session sixteen responses at a time."""


async def in_turn(
    long_work: asyncio.Lock, command: Respond, *, session_id: str, session_age_s: float
) -> ResponderRequest:
    """The request of a `Respond` command; a long one waits for its turn under the lock that sessions share."""
    if len(command.context) <= _SHORT_CONTEXT:
        return request_of(command, session_id=session_id, session_age_s=session_age_s)
    async with long_work:
        await asyncio.sleep(0)  # others have their turn between two of these
        return request_of(command, session_id=session_id, session_age_s=session_age_s)


def request_of(command: Respond, *, session_id: str, session_age_s: float) -> ResponderRequest:
    """The request of a `Respond` command."""
    messages, instructions = _messages(command.context), command.instructions
    if command.silent_ms is not None:
        # An idle timeout: an empty message stands for the user's silence, and the instructions explain it.
        messages.append(Message("user", ""))
        instructions = f"{instructions}\n\n{_prompting(command.silent_ms)}".strip()
    return ResponderRequest(
        messages=tuple(messages),
        instructions=instructions,
        max_output_tokens=command.max_output_tokens,
        now=local_date(),
        session_id=session_id,
        model=command.model,
        voice=command.voice,
        turn=command.turn,
        session_age_s=session_age_s,
        functions=tuple(_function(tool) for tool in command.tools),
        function_choice=command.tool_choice,
        returned=_returned(command.context),
    )


def _prompting(silent_ms: int) -> str:
    return f"The user has said nothing for {silent_ms / 1000:g} seconds. Ask whether they are still there."


def _messages(items: Iterable[ConversationItem]) -> list[Message]:
    """Messages in the order of the items, but each output directly behind its call: language models require that order,
    and a user may speak while a function runs."""
    messages: list[Message] = []
    requests: dict[str, McpApprovalRequestItem] = {}
    for item in items:
        match item:
            case MessageItem(role="system" | "user" | "assistant" as role):
                text, images = _text_of(item), _images_of(item)
                if text or images:
                    messages.append(Message(role, text, images=images))
            case FunctionCallItem():
                call_id = item.call_id if is_set(item.call_id) else ""
                _add_call(messages, FunctionCall(name=item.name, arguments=item.arguments, call_id=call_id))
            case FunctionCallOutputItem():
                _add_output(messages, Message("tool", item.output, call_id=item.call_id))
            case McpCallItem():
                _add_call(messages, FunctionCall(name=item.name, arguments=item.arguments, call_id=item.id))
                _add_output(messages, Message("tool", _result_of(item), call_id=item.id))
            case McpApprovalRequestItem():
                requests[item.id] = item
            case McpApprovalResponseItem(approve=False, approval_request_id=request_id) if request_id in requests:
                request = requests[request_id]
                _add_call(messages, FunctionCall(name=request.name, arguments=request.arguments, call_id=request_id))
                _add_output(messages, Message("tool", _denial(item), call_id=request_id))
            case _:
                pass  # not part of the dialogue: an approval, items of later versions
    return messages


def _returned(items: Sequence[ConversationItem]) -> frozenset[str]:
    """Ids of the calls whose outputs are behind the assistant's last message."""
    returned: set[str] = set()
    for item in reversed(items):
        match item:
            case FunctionCallOutputItem(call_id=call_id) | McpCallItem(id=call_id):
                returned.add(call_id)
            case MessageItem(role="assistant") if _text_of(item):
                break
            case _:
                pass  # other items change nothing
    return frozenset(returned)


def _result_of(item: McpCallItem) -> str:
    if is_set(item.output):
        return item.output
    reason = getattr(item.error, "message", "it did not answer")
    return f"The call failed: {reason}"


def _denial(item: McpApprovalResponseItem) -> str:
    reason = f": {item.reason}" if is_set(item.reason) and item.reason else "."
    return f"The user did not allow this call{reason}"


def _add_call(messages: list[Message], call: FunctionCall) -> None:
    last = messages[-1] if messages else None
    if last is not None and last.role == "assistant":
        messages[-1] = msgspec.structs.replace(last, calls=(*last.calls, call))
    else:
        messages.append(Message("assistant", "", calls=(call,)))


def _add_output(messages: list[Message], output: Message) -> None:
    for place in range(len(messages), 0, -1):
        if any(call.call_id == output.call_id for call in messages[place - 1].calls):
            while place < len(messages) and messages[place].role == "tool":
                place += 1
            messages.insert(place, output)
            return
    messages.append(output)


def _text_of(item: MessageItem) -> str:
    found: list[str] = []
    for part in item.content:
        for name in ("text", "transcript"):
            words = getattr(part, name, None)
            if isinstance(words, str) and words:
                found.append(words)
    return " ".join(found)


def _images_of(item: MessageItem) -> tuple[Image, ...]:
    return tuple(
        Image(part.image_url, part.detail if is_set(part.detail) else None)
        for part in item.content
        if isinstance(part, InputImagePart)
    )


def _function(tool: FunctionTool) -> Function:
    return Function(
        name=tool.name if is_set(tool.name) else "",
        description=tool.description if is_set(tool.description) else "",
        parameters=tool.parameters if isinstance(tool.parameters, dict) else {},
    )
