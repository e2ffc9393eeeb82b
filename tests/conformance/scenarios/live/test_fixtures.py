"""Fixtures, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    add,
    broken,
    each,
)

OUTPUT = "session.output_audio.delta"
SILENCE = b64encode(bytes(4800)).decode()
PLAYING = "session.output_audio.fixture.playing"
PLAYED = "session.output_audio.fixture.played"

HEARD = {"type": "session.input_transcript.delta", "delta": "he", "start_ms": 0, "end_ms": 200}

FAULTS = [
    Fault("it never plays", drop(PLAYING), "fixture", "fixture played_after_playing"),
    Fault("it is never played", drop(PLAYED), "fixture", "fixture"),
    Fault("silence", edit(OUTPUT, "delta", SILENCE), "fixture", "fixture.sound"),
    Fault(
        "nothing is refused",
        drop("error"),
        "fixture",
        "answered_once error.append_in_fixture error.fixture_busy error.fixture_long",
    ),
    Fault("speech during a clip is heard", add(PLAYED, HEARD), "fixture.deaf", "fixture.deaf"),
    Fault("not over the telephone", drop(PLAYED), "fixture.format", "fixture.format"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
