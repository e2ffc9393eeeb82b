"""Appends, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
)

OUTPUT = "session.output_audio.delta"
SILENCE = b64encode(bytes(4800)).decode()

FAULTS = [
    *(
        Fault(f"{kind} is not confirmed", drop(f"session.{kind}.appended"), "thinking", f"{kind} answered_once")
        for kind in ("instructions", "thinking", "commentary")
    ),
    Fault("nothing is said", edit(OUTPUT, "delta", SILENCE), "thinking", "commentary.spoken"),
    Fault("nothing is refused", drop("error"), "thinking", "answered_once error.long_append"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
