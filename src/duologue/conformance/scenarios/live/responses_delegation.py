"""Work that is handed to a text model, which calls functions of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import LiveCall, append, live_call, spoken
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, WireMessage

__all__ = ["SCENARIOS"]

_ASK: Final = "Call the tool get_weather with city Paris."
_MAX_ITEMS: Final = 128
_END: Final = "response.completed"
_CALL_STREAM: Final = frozenset(
    {
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        _END,
    }
)
"""What the wrapped stream of a call is made of; a model's reasoning and words may stand between."""


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "name": name, "description": "Returns the weather in a city.", "parameters": parameters}


def _delegation(context: ScenarioContext, tool: str) -> dict[str, Any]:
    return {"type": "responses", "responses": {"model": context.settings.backend_model, "tools": [_tool(tool)]}}


def _message(text: str) -> Json:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"type": "response.item.create", "item": item}


def _wrapped(kind: str) -> Callable[[WireMessage], bool]:
    return lambda message: message.get("event.type") == kind


@scenario(
    "live.responses.typed",
    "live.responses.stream",
    "live.responses.call",
    "live.delegation.responses",
    "live.responses.spoken",
    "live.error.outputs_required",
    "live.error.delegation_id_with_responses",
)
async def _a_function_is_called(context: ScenarioContext) -> None:
    """A written request leads to a call; its output to a spoken answer."""
    async with live_call(context, delegation=_delegation(context, "get_weather")) as call:
        connection = call.connection
        begin = len(connection.trace.messages)
        calls = await context.vital("live.responses.typed", _ask(connection))
        context.record("live.responses.typed", "passed")
        if not calls:
            raise Undecided("the model did not call the function")
        context.follows("live.responses.stream", filter(_about_calls, connection.trace.messages[begin:]))
        with context.deciding("live.responses.call"):
            for each in calls:
                lacking = [name for name in ("name", "call_id", "arguments") if not each.get(f"event.item.{name}")]
                expect(not lacking, f"the call lacks {', '.join(lacking)}")
                expect(_is_object(each.get("event.item.arguments")), "its arguments are no JSON object")
        await context.expect_rejection("live.error.outputs_required", connection, {"type": "response.create"})
        named = append("thinking", "It rains.", "item_of_a_delegation")
        await context.expect_rejection("live.error.delegation_id_with_responses", connection, named)
        with context.deciding("live.delegation.responses"):
            answer = await _go_on(connection, calls)
            before, after = connection.trace.messages[begin:answer], connection.trace.messages[answer:]
            # The commands before are the request, and what was to be refused.
            work = [each for each in before if each.side == "S" and _about_work(each)]
            context.follows("live.delegation.responses", [*work, *filter(_about_work, after)])
            with context.deciding("live.responses.spoken"):
                connection.rewind(answer)
                await spoken(connection)


async def _ask(connection: RawConnection) -> list[WireMessage]:
    """The calls of the response to a written request. Raises Violation if there is no response."""
    at = len(connection.trace.messages)
    await connection.send(_message(_ASK))
    await connection.answer({"type": "response.create"}, "response.event", where=_wrapped("response.created"))
    await connection.until("response.event", where=_wrapped(_END))
    done = [each for each in connection.trace.messages[at:] if _wrapped("response.output_item.done")(each)]
    return [each for each in done if each.get("event.item.type") == "function_call"]


async def _go_on(connection: RawConnection, calls: list[WireMessage]) -> int:
    """Send an output for each call and wait for the end of the next response; returns where it begins in the trace."""
    at = len(connection.trace.messages)
    for each in calls:
        output = {
            "type": "function_call_output",
            "call_id": each.get("event.item.call_id"),
            "output": '{"sky": "blue"}',
        }
        await connection.send({"type": "response.item.create", "item": output})
    await connection.answer({"type": "response.create"}, "response.event", where=_wrapped("response.created"))
    await connection.until("response.event", where=_wrapped(_END))
    return at


def _about_calls(message: WireMessage) -> bool:
    kind, item = message.get("event.type"), message.get("event.item.type")
    return message.type == "response.event" and kind in _CALL_STREAM and item in (None, "function_call")


def _about_work(message: WireMessage) -> bool:
    """Whether the rule of order is about it."""
    if message.type == "response.event":
        kind, item = message.get("event.type"), message.get("event.item.type")
        done = kind == "response.output_item.done" and item in ("function_call", "message")
        return done or kind in ("response.created", _END)
    return message.type in ("session.delegation.created", "response.item.create", "response.create")


def _is_object(text: Any) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, TypeError):
        return False


@scenario("live.update", "live.update.delegation", "live.error.buffer_full")
async def _other_functions(context: ScenarioContext) -> None:
    """The functions are replaced; and more items are sent than the backend takes."""
    async with live_call(context, delegation=_delegation(context, "get_weather")) as call:
        await _replace_functions(context, call)
        with context.deciding("live.error.buffer_full"):
            for number in range(_MAX_ITEMS + 1):
                await call.connection.send(_message(f"Note {number}."))
            call.connection.rewind(0)
            await context.await_rejection("live.error.buffer_full", call.connection)


async def _replace_functions(context: ScenarioContext, call: LiveCall) -> None:
    connection = call.connection
    update = {"type": "session.update", "session": {"delegation": _delegation(context, "get_forecast")}}
    id = await connection.send(update)
    updated = await context.vital("live.update", connection.until("session.updated"))
    context.follows("live.update", connection.since(id))
    with context.deciding("live.update.delegation"):
        tools = updated.get("session.delegation.responses.tools")
        if tools is None:
            raise Violation("session.updated has no functions")
        names = [each.get("name") for each in tools]
        expect(names == ["get_forecast"], f"session.updated has the functions {', '.join(map(str, names))}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_function_is_called, _other_functions)
