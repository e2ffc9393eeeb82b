"""Work for a text model, with servers that break one rule."""

from __future__ import annotations

from base64 import b64encode

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
    inside,
)

EVENT = "response.event"
DONE = "response.output_item.done"
SILENCE = b64encode(bytes(4800)).decode()

FAULTS = [
    Fault("no response", drop(EVENT), "responses.typed", "responses.typed"),
    Fault(
        "a call without a name",
        inside(DONE, edit(EVENT, "event.item.name", ...), item="function_call"),
        "responses.typed",
        "responses.call",
    ),
    Fault(
        "arguments that are no JSON",
        inside(DONE, edit(EVENT, "event.item.arguments", "{"), item="function_call"),
        "responses.typed",
        "responses.call",
    ),
    Fault(
        "a call out of nothing",
        inside("response.output_item.added", drop(EVENT)),
        "responses.typed",
        "responses.stream",
    ),
    Fault(
        "nothing is refused",
        drop("error"),
        "responses.typed",
        "answered_once error.delegation_id_with_responses error.outputs_required",
    ),
    Fault(
        "no second response",
        inside("response.completed", drop(EVENT), from_nth=1),
        "responses.typed",
        "delegation.responses",
    ),
    Fault(
        "nothing is said", edit("session.output_audio.delta", "delta", SILENCE), "responses.typed", "responses.spoken"
    ),
    Fault("no update", drop("session.updated"), "update", "update"),
    Fault(
        "the old functions",
        edit("session.updated", "session.delegation.responses.tools", []),
        "update",
        "update.delegation",
    ),
    Fault("a buffer without end", drop("error"), "update", "error.buffer_full"),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
