"""Items that the client creates, retrieves and deletes."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, message, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import WireMessage

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
async def _one_item(context: ScenarioContext) -> None:
    """An item is created, retrieved and deleted."""
    async with context.session() as connection:
        added = await context.vital("item.create", _add(connection, id="item_conform"))
        item_id = str(added.get("item.id"))
        with context.deciding("item.create"):
            await connection.until("conversation.item.done")
            context.follows("item.create", connection.about(item_id, "item_conform"))
        with context.deciding("item.client_id"):
            expect(item_id == "item_conform", f"item_conform was asked for, and {item_id} added")
        with context.deciding("item.same_content"):
            same = added.get("item.content") == connection.first("conversation.item.done").get("item.content")
            expect(same and bool(added.get("item.content")), "added and done hold other content")
        with context.deciding("item.no_response"):
            unexpected = [each.type for each in await connection.quiet() if each.type.startswith("response.")]
            expect(not unexpected, f"{', '.join(unexpected)} after an item")
        await context.expect_rejection("error.truncate_not_audio", connection, _truncate(item_id))
        with context.deciding("item.retrieve"):
            retrieved = await connection.answer(_about("retrieve", item_id), "conversation.item.retrieved")
            expect(retrieved.get("item.id") == item_id, f"{item_id} was asked for, and another one came")
        with context.deciding("item.roles"):
            for role in ("system", "assistant"):
                await _add(connection, role=role)
        with context.deciding("item.delete"):
            deleted = await connection.answer(_about("delete", item_id), "conversation.item.deleted")
            expect(deleted.get("item_id") == item_id, f"{item_id} was to be deleted, and another one was")
        with context.deciding("item.deleted_is_gone"):
            await connection.answer(_about("retrieve", item_id), "error")


@scenario("item.root", "item.insert")
async def _items_in_their_places(context: ScenarioContext) -> None:
    """Items at the beginning, in the middle and at the end."""
    async with context.session() as connection:
        await _add(connection, id="item_1")
        await _add(connection, id="item_2")
        with context.deciding("item.root"):
            added = await _add(connection, id="item_0", previous_item_id="root")
            _names(added, None)
        with context.deciding("item.insert"):
            added = await _add(connection, id="item_between", previous_item_id="item_1")
            _names(added, "item_1")
            added = await _add(connection, id="item_3")
            _names(added, "item_2")


async def _add(connection: RawConnection, **more: str) -> WireMessage:
    """Create an item; returns its `added`, or `created` as in the beta: other rules are about the name."""
    return await connection.answer(message("Good day.", **more), "conversation.item.added", "conversation.item.created")


def _names(added: WireMessage, item_id: str | None) -> None:
    named = added.event.get("previous_item_id")
    expect(named == item_id, f"previous_item_id is {named}, and {item_id or 'nothing'} is before it")


def _about(verb: str, item_id: str) -> dict[str, str]:
    return {"type": f"conversation.item.{verb}", "item_id": item_id}


def _truncate(item_id: str) -> dict[str, str | int]:
    return {**_about("truncate", item_id), "content_index": 0, "audio_end_ms": 0}


SCENARIOS: Final[tuple[Scenario, ...]] = (_one_item, _items_in_their_places)
