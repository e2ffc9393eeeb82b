"""The start of a session and its configuration, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit, rename
from tests.conformance.scenarios._faults import failed, faults


@faults(
    ("no greeting", drop("session.created"), "connect.realtime", "connect.realtime"),
    (
        "another greeting",
        rename("session.created", "session.begun"),
        "connect.realtime",
        "connect.realtime published_types",
    ),
    ("updates are not confirmed", drop("session.updated"), "session.sparse", "session.update"),
    (
        "half a configuration",
        edit("session.updated", "session.audio.input.turn_detection", {"type": "server_vad"}),
        "session.sparse",
        "session.full_echo session.null_vad",
    ),
    ("updates change more", edit("session.updated", "session.model", "another"), "session.sparse", "session.sparse"),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
