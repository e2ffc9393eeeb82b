"""Out-of-band responses, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, also, edit
from tests.conformance.scenarios._faults import failed, faults


@faults(
    (
        "an out-of-band response in the conversation",
        edit("response.created", "response.conversation_id", "conv_1"),
        "oob.input",
        "oob.no_conversation",
    ),
    (
        "items of an out-of-band response",
        also("response.output_item.added", "conversation.item.added"),
        "oob.input",
        "response.out_of_band oob_silent item_added_done prev_chain",
    ),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
