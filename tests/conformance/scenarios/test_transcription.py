"""Transcription, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, edit, swap
from tests.conformance.scenarios._faults import failed, faults


@faults(
    (
        "no usage",
        edit("conversation.item.input_audio_transcription.completed", "usage", ...),
        "transcription.usage",
        "transcription.usage",
    ),
    (
        "transcribed before it is committed",
        swap("conversation.item.done", "conversation.item.input_audio_transcription.completed"),
        "transcription.usage",
        "transcription.turn",
    ),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
