"""Translated speech and the end of a session, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import Change, also, drop, edit, swap
from tests.conformance.scenarios.translation._translation_faults import Fault, broken, each

TEXT = "session.output_transcript.delta"
AUDIO = "session.output_audio.delta"
SOURCE = "session.input_transcript.delta"

FAULTS: list[Fault] = [
    ("no text", drop(TEXT), "text", "text"),
    ("no text before the close", drop(TEXT), "no_source_text", "rest"),
    ("no speech", drop(AUDIO), "text", "speech"),
    ("silence", edit(AUDIO, "delta", b64encode(bytes(4800)).decode()), "text", "speech"),
    ("no source text", drop(SOURCE), "text", "source_text"),
    ("source text unasked", also(TEXT, SOURCE), "no_source_text", "no_source_text"),
    ("never closed", drop("session.closed"), "text", "rest basic"),
    ("text after the close", swap(TEXT, "session.closed"), "no_source_text", "nothing_after_closed"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await broken(change, only) == set(rules.split())


async def test_a_socket_that_stays_open_is_found() -> None:
    assert await broken(None, "text", closes=False) == {"close.socket"}
