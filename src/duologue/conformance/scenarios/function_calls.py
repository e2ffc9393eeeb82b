"""Function calls."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import ResponseTrace, Scenario, ask, create, finish, scenario
from duologue.conformance.wire.raw_connection import RawConnection

__all__ = ["SCENARIOS"]

_TOOL: Final = {
    "type": "function",
    "name": "get_weather",
    "description": "Returns the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_ASK: Final = "Call the tool get_weather with city Paris."
_ASK_BOTH: Final = "Say that you will look, and then call the tool get_weather with city Paris."


@scenario("response.function_call", "call.fields", "call.waits", "tool_loop")
async def _a_tool_is_called(context: ScenarioContext) -> None:
    """A call, its result, and the response to the result."""
    async with context.session(tools=[_TOOL], tool_choice="auto") as connection:
        response = await finish(connection, await ask(connection, _ASK))
        call = _call_in(response)
        only = len(response.done.get("response.output")) == 1
        if only:
            context.follows("response.function_call", response.messages)
        else:
            context.record("response.function_call", "inconclusive", "the response holds more than the call")
        with context.deciding("call.fields"):
            for each in response.of("response.function_call_arguments.done"):
                lacking = [name for name in ("name", "call_id", "arguments", "item_id") if not each.get(name)]
                expect(not lacking, f"{each.type} lacks {', '.join(lacking)}")
                expect(_is_object(each.get("arguments")), "the arguments are no JSON object")
            expect(call.get("status") == "completed", f"the call's item is {call.get('status')}")
        with context.deciding("call.waits"):
            unexpected = [each.type for each in await connection.quiet() if each.type != "rate_limits.updated"]
            expect(not unexpected, f"{', '.join(unexpected)} after a call")
        with context.deciding("tool_loop"):
            await _go_on(connection, str(call.get("call_id")))
            begin = connection.trace.messages.index(response.created)
            context.follows("tool_loop", connection.trace.messages[begin:])


async def _go_on(connection: RawConnection, call_id: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": '{"sky": "blue"}'}
    await connection.answer({"type": "conversation.item.create", "item": item}, "conversation.item.done")
    await finish(connection, await connection.answer(create(), "response.created"))


@scenario("response.audio_and_function_call")
async def _speech_and_a_call(context: ScenarioContext) -> None:
    """A response that speaks before it calls."""
    async with context.session(output_modalities=["audio"], tools=[_TOOL], tool_choice="auto") as connection:
        response = await finish(connection, await ask(connection, _ASK_BOTH))
        kinds = [item.get("type") for item in response.done.get("response.output") or ()]
        if kinds != ["message", "function_call"]:
            raise Undecided(f"the response holds {', '.join(map(str, kinds)) or 'nothing'}")
        context.follows("response.audio_and_function_call", response.messages)


def _call_in(response: ResponseTrace) -> dict[str, Any]:
    for item in response.done.get("response.output") or ():
        if item.get("type") == "function_call":
            return dict(item)
    raise Undecided("the model did not call the tool")


def _is_object(text: Any) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, TypeError):
        return False


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_tool_is_called, _speech_and_a_call)
