"""Makes the request to a responder from what a Live session wants to be said."""

from __future__ import annotations

from duologue.clock import local_date
from duologue.engines.base import Function, FunctionCall, Message, ResponderRequest
from duologue.events.live import LiveFunctionCall, LiveFunctionTool
from duologue.protocol.live.server import DELEGATE, LiveMessage, LiveReply

__all__ = ["live_request"]


def live_request(reply: LiveReply, *, session_id: str, session_age_s: float) -> ResponderRequest:
    """The request of a `LiveReply`. A delegated reply is asked of the delegation's model."""
    return ResponderRequest(
        messages=tuple(map(_message, reply.messages)),
        instructions=reply.instructions,
        max_output_tokens=reply.max_output_tokens,
        now=local_date(),
        session_id=session_id,
        model=reply.backend_model or reply.model,
        voice=reply.voice,
        turn=reply.turn,
        session_age_s=session_age_s,
        functions=tuple(map(_function, reply.functions)),
        function_choice=reply.function_choice,
        returned=reply.returned,
    )


def _message(message: LiveMessage) -> Message:
    return Message(message.role, message.text, calls=tuple(map(_call, message.calls)), call_id=message.call_id)


def _call(call: LiveFunctionCall) -> FunctionCall:
    return FunctionCall(name=call.name, arguments=call.arguments, call_id=call.call_id)


def _function(tool: LiveFunctionTool) -> Function:
    return Function(
        name=tool.name,
        description=tool.description if isinstance(tool.description, str) else "",
        parameters=tool.parameters if isinstance(tool.parameters, dict) else {},
        fallback=tool is DELEGATE,
    )
