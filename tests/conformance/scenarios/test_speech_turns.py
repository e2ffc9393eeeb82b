"""Turns of speech, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit, swap
from tests.conformance.scenarios._faults import failed, faults


@faults(
    ("no speech_stopped", drop("input_audio_buffer.speech_stopped"), "vad.turn", "vad.turn"),
    (
        "committed under another id",
        edit("input_audio_buffer.committed", "item_id", "item_x"),
        "vad.turn",
        "commit_item vad.turn prev_chain",
    ),
    (
        "committed late",
        swap("input_audio_buffer.committed", "conversation.item.done"),
        "vad.turn",
        "vad.turn commit_item",
    ),
    (
        "times of another clock",
        edit("input_audio_buffer.speech_stopped", "audio_end_ms", 10**9),
        "vad.turn",
        "vad.times",
    ),
    ("no cleared", drop("input_audio_buffer.cleared"), "manual.clear", "manual.clear"),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
