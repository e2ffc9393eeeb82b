"""Function calls."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import Scenario, Turn, ask, create, finish, scenario
from duologue.conformance.wire.raw_connection import RawConnection

__all__ = ["SCENARIOS"]

_TOOL: Final = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_ASK: Final = "Call the tool get_weather with city Paris."
_ASK_BOTH: Final = "Say that you will look, and then call the tool get_weather with city Paris."


@scenario("response.function_call", "call.fields", "call.waits", "tool_loop")
async def _a_tool_is_called(bench: Bench) -> None:
    """A call, its result, and the answer to that."""
    async with bench.session(tools=[_TOOL], tool_choice="auto") as line:
        turn = await finish(line, await ask(line, _ASK))
        call = _call_in(turn)
        only = len(turn.done.get("response.output")) == 1
        if only:
            bench.follows("response.function_call", turn.messages)
        else:
            bench.note("response.function_call", "inconclusive", "the response holds more than the call")
        with bench.deciding("call.fields"):
            for each in turn.of("response.function_call_arguments.done"):
                lacking = [name for name in ("name", "call_id", "arguments", "item_id") if not each.get(name)]
                expect(not lacking, f"{each.type} lacks {', '.join(lacking)}")
                expect(_is_object(each.get("arguments")), "the arguments are no JSON object")
            expect(call.get("status") == "completed", f"the call's item is {call.get('status')}")
        with bench.deciding("call.waits"):
            strays = [each.type for each in await line.quiet() if each.type != "rate_limits.updated"]
            expect(not strays, f"{', '.join(strays)} after a call")
        with bench.deciding("tool_loop"):
            await _go_on(line, str(call.get("call_id")))
            begin = line.trace.messages.index(turn.created)
            bench.follows("tool_loop", line.trace.messages[begin:])


async def _go_on(line: RawConnection, call_id: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": '{"sky": "blue"}'}
    await line.answer({"type": "conversation.item.create", "item": item}, "conversation.item.done")
    await finish(line, await line.answer(create(), "response.created"))


@scenario("response.audio_and_function_call")
async def _speech_and_a_call(bench: Bench) -> None:
    """A response that speaks before it calls."""
    async with bench.session(output_modalities=["audio"], tools=[_TOOL], tool_choice="auto") as line:
        turn = await finish(line, await ask(line, _ASK_BOTH))
        kinds = [item.get("type") for item in turn.done.get("response.output") or ()]
        if kinds != ["message", "function_call"]:
            raise Undecided(f"the response holds {', '.join(map(str, kinds)) or 'nothing'}")
        bench.follows("response.audio_and_function_call", turn.messages)


def _call_in(turn: Turn) -> dict[str, Any]:
    for item in turn.done.get("response.output") or ():
        if item.get("type") == "function_call":
            return dict(item)
    raise Undecided("the model did not call the tool")


def _is_object(text: Any) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, TypeError):
        return False


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_tool_is_called, _speech_and_a_call)
