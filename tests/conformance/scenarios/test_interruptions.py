"""Cancelled and interrupted responses, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit
from tests.conformance.scenarios._faults import failed, faults


@faults(
    (
        "cancelled, it says nothing",
        edit("response.done", "response.status_details", None),
        "response.cancel",
        "response.cancel",
    ),
    (
        "cancelled, it is complete",
        edit("response.output_item.done", "item.status", "completed"),
        "cancel.open_dones",
        "cancel.open_dones",
    ),
    (
        "speech is not noticed",
        drop("input_audio_buffer.speech_started"),
        "barge_in.websocket",
        "barge_in.websocket commit_item",
    ),
    (
        "an interruption says nothing",
        edit("response.done", "response.status_details", None),
        "barge_in.websocket",
        "barge_in.websocket",
    ),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
