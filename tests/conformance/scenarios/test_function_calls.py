"""Function calls, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit
from tests.conformance.scenarios._faults import failed, faults

_DONE = "response.function_call_arguments.done"


@faults(
    ("a call without its id", edit(_DONE, "call_id", None), "call.fields", "call.fields"),
    ("no arguments.done", drop(_DONE), "call.fields", "response.function_call tool_loop one_stream_end"),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
