"""What holds in every trace of Live: a good session keeps it all, and each mutation of it breaks the rules about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from duologue.conformance.outcomes import SHAPE_ERRORS
from duologue.conformance.rulebook.live_invariants import LIVE_INVARIANTS
from duologue.conformance.wire.trace import Trace, WireMessage
from tests.conformance.rulebook._traces import (
    Frame,
    Mutation,
    come,
    drop,
    edit,
    live,
    move,
    repeat,
    sideband,
    trace_of,
    wrapped,
)

DELTA = "session.output_audio.delta"
SNAPSHOT = {"id": "resp_2", "object": "response", "status": "in_progress", "output": [], "tools": []}


def broken(trace: Trace) -> set[str]:
    """The rules that a trace breaks."""
    found: set[str] = set()
    for rule_id, check in LIVE_INVARIANTS.items():
        try:
            if any(fault is not None for fault in check(trace)):
                found.add(rule_id)
        except SHAPE_ERRORS:
            found.add(rule_id)
    return found


def _rename_reference(frames: list[Frame]) -> None:
    for path in ("client_event_id", "error.client_event_id"):
        edit("error", path, "c99")(frames)


MUTATIONS: list[tuple[str, Callable[[], list[Frame]], Mutation, str]] = [
    ("no event_id", live, edit("session.usage.updated", "event_id", ...), "event_ids"),
    ("no type", live, edit(DELTA, "type", 7), "one_object event_ids"),
    ("an invented event", live, come(3, type="session.invented"), "published_types"),
    ("an event of Realtime", live, come(3, type="response.created"), "published_types no_turns"),
    ("an event of the beta", live, come(3, type="conversation.item.created"), "published_types no_turns"),
    ("a field less", live, edit("session.usage.updated", "usage.seconds", ...), "fields usage_rises"),
    ("a field of another type", live, edit("session.closed", "reason", 3), "fields"),
    ("an error without code", live, edit("error", "error.code", ...), "error_code"),
    ("started too early", live, move("session.started", 0), "started_first answered_once"),
    ("a greeting", live, come(0, type="info", code="x", message="x"), "started_first"),
    ("another first event", live, move("session.usage.updated", 1), "started_first"),
    ("more after the end", live, come(-1, type="info", code="x", message="x"), "nothing_after_closed"),
    ("never confirmed", live, drop("session.thinking.appended"), "answered_once"),
    ("confirmed twice", live, repeat("session.thinking.appended"), "answered_once"),
    ("refused without a word", live, drop("error"), "answered_once"),
    (
        "confirmed and refused",
        live,
        edit("error", "client_event_id", "c11"),
        "answered_once error_reference",
    ),
    ("an answer to nothing", live, edit("session.thinking.appended", "client_event_id", ...), "client_event_id"),
    ("unasked", live, come(3, type="session.input_audio.muted"), "answered_once client_event_id"),
    ("two references", live, edit("error", "error.client_event_id", "c11"), "error_reference"),
    (
        "an unknown reference",
        live,
        _rename_reference,
        "error_reference answered_once",
    ),
    ("appends are confirmed", live, come(3, type="session.input_audio.append", audio="AAAA"), "no_append_ack"),
    ("no base64", live, edit(DELTA, "delta", "!?"), "whole_samples"),
    ("half a sample", live, edit(DELTA, "delta", "AAAA"), "whole_samples"),
    (
        "backwards",
        live,
        edit("session.input_transcript.delta", "start_ms", 1000, nth=1),
        "transcript_times",
    ),
    ("ends before it begins", live, edit("session.input_transcript.delta", "end_ms", 1000), "transcript_times"),
    ("an append that ends first", live, edit("session.thinking.appended", "end_ms", 1000), "append_times"),
    ("played before playing", live, drop("session.output_audio.fixture.playing"), "played_after_playing answered_once"),
    ("played twice", live, repeat("session.output_audio.fixture.played"), "played_after_playing"),
    ("two at once", live, repeat("session.output_audio.fixture.playing"), "played_after_playing answered_once"),
    ("less usage", live, edit("session.closed", "usage.seconds", 14.0), "usage_rises"),
    ("an unknown delegation", live, edit("session.delegation.created", "delegation.id", "item_2"), "delegation_first"),
    ("delegated later", live, move("session.delegation.created", 10), "delegation_first"),
    ("delegated twice", live, repeat("session.delegation.created"), "delegation_once"),
    ("another target", live, edit("session.delegation.created", "delegation.target", "client"), "delegation_once"),
    ("two responses", live, come(9, **wrapped("response.created", response=SNAPSHOT)), "one_response_at_a_time"),
    ("a whole snapshot", live, edit("response.event", "event.response.output", [{"id": "x"}]), "stripped_responses"),
    ("another session", live, edit("session.closed", "session", {**SNAPSHOT}), "same_session"),
    ("no times", sideband, edit(DELTA, "start_ms", ...), "sideband_times"),
    ("overlapping", sideband, edit(DELTA, "start_ms", 50, nth=1), "sideband_times"),
    ("never paused", sideband, drop("session.paused"), "resumed_after_paused"),
]


@pytest.mark.parametrize("good", [live, sideband])
def test_a_good_session_keeps_every_rule(good: Callable[[], list[Frame]]) -> None:
    assert broken(trace_of(good())) == set()


def test_every_rule_has_a_case_in_the_good_sessions() -> None:
    traces = [trace_of(live()), trace_of(sideband())]
    decided = {rule_id for rule_id, check in LIVE_INVARIANTS.items() if any(list(check(trace)) for trace in traces)}
    assert decided == LIVE_INVARIANTS.keys()


@pytest.mark.parametrize(("good", "mutate", "rules"), [pytest.param(*each[1:], id=each[0]) for each in MUTATIONS])
def test_a_mutation_breaks_the_rules_about_it_and_no_others(
    good: Callable[[], list[Frame]], mutate: Mutation, rules: str
) -> None:
    frames = good()
    mutate(frames)
    assert broken(trace_of(frames)) == {f"live.{rule}" for rule in rules.split()}


def test_every_rule_is_broken_by_a_mutation() -> None:
    assert {f"live.{rule}" for *_, rules in MUTATIONS for rule in rules.split()} == LIVE_INVARIANTS.keys()


def test_a_message_that_is_no_object_is_found() -> None:
    message = WireMessage(side="S", at_s=0.0, event={}, problem="it is an array")
    assert "live.one_object" in broken(Trace(name="by hand", messages=[message]))


def test_a_trace_without_a_case_decides_nothing() -> None:
    assert {rule_id for rule_id, check in LIVE_INVARIANTS.items() if list(check(trace_of([])))} == set()


@pytest.mark.parametrize(("format", "good"), [("audio/pcm", False), ("audio/pcmu", True)])
def test_a_sample_of_g711_is_one_byte(format: str, good: bool) -> None:
    frames = live()
    frames[0][1]["session"]["audio"] = {"format": {"type": format}}
    edit(DELTA, "delta", "AAAA")(frames)
    assert ("live.whole_samples" not in broken(trace_of(frames))) is good


def test_a_sideband_attached_late_has_not_seen_the_delegation() -> None:
    late = [frame for frame in live() if frame[1]["type"] in ("session.started", "response.event")]
    assert "live.delegation_first" not in broken(trace_of(late))
