"""The end, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
)

CLOSED = "session.closed"
SILENCE = b64encode(bytes(4800)).decode()

FAULTS = [
    Fault("never closed", drop(CLOSED), "close", "close"),
    Fault("another reason", edit(CLOSED, "reason", "expired"), "close", "close close.usage"),
    Fault("less than no usage", edit(CLOSED, "usage.seconds", -1), "close", "close.usage usage_rises"),
    Fault("the socket stays open", None, "close", "close.socket", closes=False),
    Fault("never closed while it speaks", drop(CLOSED), "close.bounded", "close.bounded"),
    Fault("appends without a place", drop("error"), "error.never_placed", "answered_once error.never_placed"),
    Fault("never expired", drop(CLOSED), "expired", "expired"),
    Fault(
        "closed without being asked", edit(CLOSED, "reason", "close_requested"), "expired", "expired client_event_id"
    ),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
