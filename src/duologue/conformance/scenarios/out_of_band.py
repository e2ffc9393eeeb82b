"""Out-of-band responses."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import LONG, Scenario, ask, create, finish, message, scenario

__all__ = ["SCENARIOS"]

_RAW: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}


def _aside(mark: str, **response: Any) -> dict[str, Any]:
    return dict(create(conversation="none", metadata={"conform": mark}, output_modalities=["text"], **response))


@scenario("response.out_of_band", "oob.no_conversation", "oob.input", "response.metadata")
async def _an_answer_aside(bench: Bench) -> None:
    """A response that leaves no trace in the conversation."""
    async with bench.session() as line:
        asked = line.answer(_aside("aside", input=[_RAW]), "response.created")
        turn = await bench.vital("response.out_of_band", finish(line, await bench.vital("response.out_of_band", asked)))
        bench.follows("response.out_of_band", turn.messages)
        with bench.deciding("oob.no_conversation"):
            found = turn.created.get("response.conversation_id")
            expect(found is None, f"conversation_id is {found}")
        with bench.deciding("response.metadata"):
            found = turn.done.get("response.metadata")
            expect(found == {"conform": "aside"}, "response.done does not bring the metadata back")
        with bench.deciding("oob.input"):
            await line.send(message("Say good day.", id="item_referred"))
            references = [{"type": "item_reference", "id": "item_referred"}, _RAW]
            for entries in (references, []):
                turn = await finish(line, await line.answer(_aside("input", input=entries), "response.created"))
                expect(
                    turn.status == "completed", f"a response with {len(entries)} entries of input ends {turn.status}"
                )


@scenario("oob.beside")
async def _an_answer_aside_of_another(bench: Bench) -> None:
    """An out-of-band response while the conversation's own is under way."""
    async with bench.session(output_modalities=["audio"]) as line:
        first = await ask(line, LONG)
        with bench.deciding("oob.beside"):
            asked = await line.send(_aside("beside", input=[_RAW]))
            second = await line.until("response.created", where=lambda each: each.ids != first.ids)
            between = line.since(asked)
            ended = [each for each in between[: between.index(second)] if each.type == "response.done"]
            if any(each.ids == first.ids for each in ended):
                raise Undecided("the conversation's response was done before the other was read")
            for created in (second, first):
                line.rewind(line.trace.messages.index(created))
                turn = await finish(line, created)
                expect(turn.status == "completed", f"{turn.id} ends {turn.status}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_an_answer_aside, _an_answer_aside_of_another)
