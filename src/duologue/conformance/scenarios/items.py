"""Items that the client makes, asks for, and removes."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Violation, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import Scenario, message, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Message

__all__ = ["SCENARIOS"]


@scenario(
    "item.create",
    "item.client_id",
    "item.same_content",
    "item.no_response",
    "item.retrieve",
    "item.roles",
    "item.delete",
    "item.deleted_is_gone",
    "error.truncate_not_audio",
)
async def _one_item(bench: Bench) -> None:
    """An item is made, looked at and removed."""
    async with bench.session() as line:
        added = await bench.vital("item.create", _add(line, id="item_conform"))
        item_id = str(added.get("item.id"))
        with bench.deciding("item.create"):
            await line.until("conversation.item.done")
            bench.follows("item.create", line.about(item_id, "item_conform"))
        with bench.deciding("item.client_id"):
            expect(item_id == "item_conform", f"item_conform was asked for, and {item_id} added")
        with bench.deciding("item.same_content"):
            same = added.get("item.content") == line.first("conversation.item.done").get("item.content")
            expect(same and bool(added.get("item.content")), "added and done hold other content")
        with bench.deciding("item.no_response"):
            strays = [each.type for each in await line.quiet() if each.type.startswith("response.")]
            expect(not strays, f"{', '.join(strays)} after an item")
        await bench.refused("error.truncate_not_audio", line, _truncate(item_id))
        with bench.deciding("item.retrieve"):
            retrieved = await line.answer(_about("retrieve", item_id), "conversation.item.retrieved")
            expect(retrieved.get("item.id") == item_id, f"{item_id} was asked for, and another one came")
        with bench.deciding("item.roles"):
            for role in ("system", "assistant"):
                await _add(line, role=role)
        with bench.deciding("item.delete"):
            deleted = await line.answer(_about("delete", item_id), "conversation.item.deleted")
            expect(deleted.get("item_id") == item_id, f"{item_id} was to be deleted, and another one was")
        with bench.deciding("item.deleted_is_gone"):
            await line.answer(_about("retrieve", item_id), "error")


@scenario("item.root", "item.insert")
async def _items_in_their_places(bench: Bench) -> None:
    """Items at the begin, in the middle and at the end."""
    async with bench.session() as line:
        await _add(line, id="item_1")
        await _add(line, id="item_2")
        with bench.deciding("item.root"):
            added = await _add(line, id="item_0", previous_item_id="root")
            _names(added, None)
        with bench.deciding("item.insert"):
            added = await _add(line, id="item_between", previous_item_id="item_1")
            _names(added, "item_1")
            added = await _add(line, id="item_3")
            _names(added, "item_2")


async def _add(line: RawConnection, **more: str) -> Message:
    """Make an item; what first says that it is there. That may be its name of the beta: other rules are about that."""
    return await line.answer(message("Good day.", **more), "conversation.item.added", "conversation.item.created")


def _names(added: Message, item_id: str | None) -> None:
    told = added.event.get("previous_item_id")
    if told != item_id:
        raise Violation(f"previous_item_id is {told}, and {item_id or 'nothing'} is before it")


def _about(verb: str, item_id: str) -> dict[str, str]:
    return {"type": f"conversation.item.{verb}", "item_id": item_id}


def _truncate(item_id: str) -> dict[str, str | int]:
    return {**_about("truncate", item_id), "content_index": 0, "audio_end_ms": 0}


SCENARIOS: Final[tuple[Scenario, ...]] = (_one_item, _items_in_their_places)
