"""Sound in both directions, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import drop, edit, every_other, repeat
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    add,
    broken,
    each,
)

OUTPUT = "session.output_audio.delta"
INPUT_TEXT = "session.input_transcript.delta"
OUTPUT_TEXT = "session.output_transcript.delta"
SILENCE = b64encode(bytes(4800)).decode()
LOUD = b64encode(bytes(range(1, 161)) * 30).decode()
HEARD = {"type": INPUT_TEXT, "delta": "he", "start_ms": 0, "end_ms": 200}

FAULTS = [
    Fault("nothing is heard", drop(INPUT_TEXT), "speech", "transcript.input"),
    Fault("no words", drop(OUTPUT_TEXT), "speech", "speech"),
    Fault("no sound", edit(OUTPUT, "delta", SILENCE), "speech", "speech"),
    Fault("twice the sound", repeat(OUTPUT), "speech", "audio.real_time"),
    Fault("half the sound", every_other(OUTPUT), "speech", "audio.continuous"),
    Fault(
        "longer pieces", edit(OUTPUT, "delta", SILENCE + SILENCE), "audio.pieces", "audio.pieces audio.real_time speech"
    ),
    Fault("off the grid", edit(OUTPUT_TEXT, "end_ms", 999_999), "speech", "transcript.grid"),
    Fault("no usage", drop("session.usage.updated"), "speech", "usage"),
    Fault("no end", drop("session.closed"), "speech", "basic"),
    Fault("not muted", drop("session.input_audio.muted"), "mute", "mute"),
    Fault("not unmuted", drop("session.input_audio.unmuted"), "mute", "answered_once mute"),
    Fault("it never stops", edit(OUTPUT, "delta", LOUD), "barge_in", "barge_in"),
    Fault("muted speech is heard", add(OUTPUT, HEARD), "mute", "mute.silence"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
