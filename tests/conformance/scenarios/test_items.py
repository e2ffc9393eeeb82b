"""Items of the client, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit
from tests.conformance.scenarios._faults import failed, faults


@faults(
    (
        "an id of its own",
        edit("conversation.item.done", "item.id", "item_x"),
        "item.roles",
        "item.create item_added_done",
    ),
    ("other content", edit("conversation.item.done", "item.content", []), "item.roles", "item.same_content"),
    ("no deleted", drop("conversation.item.deleted"), "item.roles", "item.delete"),
    ("no added", drop("conversation.item.added"), "item.root", "item_added_done"),
    (
        "audio in an item",
        edit("conversation.item.done", "item.content.0.audio", "AAAA"),
        "item.root",
        "no_audio_in_items",
    ),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
