"""A trace for Perfetto."""

from __future__ import annotations

import json
from typing import Any

from duologue.inspection.exports.trace import chrome_trace
from duologue.inspection.view import CallView
from tests.inspection.exports._call import call


def events(view: CallView) -> list[dict[str, Any]]:
    content = json.loads(b"".join(chrome_trace(view)))
    found: list[dict[str, Any]] = content["traceEvents"]
    return found


def test_spans_are_complete_events_in_microseconds_and_moments_are_instants() -> None:
    found = events(call())
    (response,) = [each for each in found if each["name"] == "response completed"]
    assert (response["ph"], response["ts"], response["dur"]) == ("X", 1_750_000, 750_000)
    assert response["args"] == {"response_id": "r1", "turn": 1, "tokens": None}
    (mark,) = [each for each in found if each["name"] == "mark: here"]
    assert (mark["ph"], mark["s"], mark["ts"]) == ("i", "t", 4_500_000)


def test_each_lane_has_a_name_and_a_place() -> None:
    found = events(call())
    names = {each["tid"]: each["args"]["name"] for each in found if each["name"] == "thread_name"}
    assert all(names[each["tid"]] == each["cat"] for each in found if each["ph"] in "Xi")
    assert [each["args"]["name"] for each in found if each["name"] == "process_name"] == ["call sess_1"]


def test_an_empty_call_is_a_trace() -> None:
    assert {each["ph"] for each in events(CallView())} == {"M"}
