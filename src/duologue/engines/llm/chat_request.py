"""Turns a responder's request into the body of a chat completions request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from duologue.engines.base import FunctionCall, Message, ResponderRequest
from duologue.protocol.server.conversation.client_items import is_picture

__all__ = ["request_of"]

_SPOKEN_STYLE: Final = "You are a voice assistant. Your words are spoken aloud: answer in short, plain sentences."
"""In place of instructions where a session has none; otherwise models answer in lists and tables."""

_NO_ARGUMENTS: Final = {"type": "object", "properties": {}}
"""For a function that was offered without a schema; endpoints want one."""


def request_of(request: ResponderRequest) -> dict[str, Any]:
    """The messages, the tools, and the limit."""
    system = {"role": "system", "content": request.instructions.strip() or _SPOKEN_STYLE}
    body: dict[str, Any] = {"messages": [system, *_messages(request.messages)]}
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.functions:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": function.name,
                    "description": function.description,
                    "parameters": dict(function.parameters) or _NO_ARGUMENTS,
                },
            }
            for function in request.functions
        ]
        body["tool_choice"] = _choice(request.function_choice)
    return body


def _choice(choice: str) -> str | dict[str, Any]:
    if choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _messages(messages: tuple[Message, ...]) -> Iterator[dict[str, Any]]:
    """In the order that endpoints insist on: every call is followed by its result, and no result comes without a call.

    A realtime conversation promises neither: the user may speak while a function runs, and items can be deleted.
    """
    results = {message.call_id: message.text for message in messages if message.role == "tool"}
    called = {call.call_id for message in messages for call in message.calls}
    for message in messages:
        answered = [call for call in message.calls if call.call_id in results]
        if answered:
            yield {"role": message.role, "content": message.text or None, "tool_calls": [*map(_call, answered)]}
            for call in answered:
                yield {"role": "tool", "tool_call_id": call.call_id, "content": results[call.call_id]}
        elif message.role == "tool":
            if message.call_id not in called:
                yield {"role": "user", "content": f"[A function returned: {message.text}]"}
        elif message.text or not message.calls:
            yield {"role": message.role, "content": _content(message)}


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Words alone as a string, which every endpoint takes; with pictures, in parts."""
    # An address is never passed on: the endpoint would fetch from where a client says, inside its operator's network.
    images = [image for image in message.images if is_picture(image.url)]
    if not images:
        return message.text
    words = [{"type": "text", "text": message.text}] if message.text else []
    return words + [
        {"type": "image_url", "image_url": {"url": image.url} | ({"detail": image.detail} if image.detail else {})}
        for image in images
    ]


def _call(call: FunctionCall) -> dict[str, Any]:
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
