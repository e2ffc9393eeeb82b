"""Out-of-band responses."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import LONG, Scenario, ask, create, finish, message, scenario

__all__ = ["SCENARIOS"]

_RAW: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}


def _out_of_band(name: str, **response: Any) -> dict[str, Any]:
    return dict(create(conversation="none", metadata={"conform": name}, output_modalities=["text"], **response))


@scenario("response.out_of_band", "oob.no_conversation", "oob.input", "response.metadata")
async def _an_out_of_band_answer(context: ScenarioContext) -> None:
    """A response that adds nothing to the conversation."""
    async with context.session() as connection:
        asked = connection.answer(_out_of_band("alone", input=[_RAW]), "response.created")
        response = await context.vital(
            "response.out_of_band", finish(connection, await context.vital("response.out_of_band", asked))
        )
        context.follows("response.out_of_band", response.messages)
        with context.deciding("oob.no_conversation"):
            found = response.created.get("response.conversation_id")
            expect(found is None, f"conversation_id is {found}")
        with context.deciding("response.metadata"):
            found = response.done.get("response.metadata")
            expect(found == {"conform": "alone"}, "response.done does not bring the metadata back")
        with context.deciding("oob.input"):
            await connection.send(message("Say good day.", id="item_referred"))
            references = [{"type": "item_reference", "id": "item_referred"}, _RAW]
            for entries in (references, []):
                response = await finish(
                    connection, await connection.answer(_out_of_band("input", input=entries), "response.created")
                )
                expect(
                    response.status == "completed",
                    f"a response with {len(entries)} entries of input ends {response.status}",
                )


@scenario("oob.parallel")
async def _a_parallel_answer(context: ScenarioContext) -> None:
    """An out-of-band response while a response of the conversation is in progress."""
    async with context.session(output_modalities=["audio"]) as connection:
        first = await ask(connection, LONG)
        with context.deciding("oob.parallel"):
            asked = await connection.send(_out_of_band("parallel", input=[_RAW]))
            second = await connection.until("response.created", where=lambda each: each.ids != first.ids)
            between = connection.since(asked)
            ended = [each for each in between[: between.index(second)] if each.type == "response.done"]
            if any(each.ids == first.ids for each in ended):
                raise Undecided("the conversation's response was done before the other was read")
            for created in (second, first):
                connection.rewind(connection.trace.messages.index(created))
                response = await finish(connection, created)
                expect(response.status == "completed", f"{response.id} ends {response.status}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_an_out_of_band_answer, _a_parallel_answer)
