"""What holds in every trace of a translation: a good session keeps it all, and each mutation breaks its rules."""

from __future__ import annotations

import pytest

from duologue.conformance.rulebook.translation_invariants import TRANSLATION_INVARIANTS
from duologue.conformance.wire.trace import Trace
from tests.conformance.rulebook._traces import Mutation, come, edit, trace_of, translation

DELTA = "session.output_audio.delta"

MUTATIONS: list[tuple[str, Mutation, str]] = [
    ("no type", edit(DELTA, "type", ...), "one_object"),
    ("no event_id", edit(DELTA, "event_id", ...), "event_ids fields"),
    ("an invented event", come(3, type="session.invented"), "published_types"),
    ("an event of Realtime", come(3, type="response.created"), "published_types no_turns"),
    ("a field less", edit("session.output_transcript.delta", "delta", ...), "fields"),
    ("more after the end", come(-1, type="session.updated", session={"type": "x"}), "nothing_after_closed"),
    ("an unknown reference", edit("error", "error.event_id", "c99"), "error_echo"),
    (
        "appends are confirmed",
        come(4, type="session.input_audio_buffer.appended"),
        "no_append_ack published_types",
    ),
    ("half a sample", edit(DELTA, "delta", "AAAA"), "whole_samples"),
    ("backwards", edit("session.output_transcript.delta", "elapsed_ms", 100, nth=1), "elapsed"),
]


def broken(trace: Trace) -> set[str]:
    """The rules that a trace breaks."""
    return {rule_id for rule_id, check in TRANSLATION_INVARIANTS.items() if any(check(trace))}


def test_a_good_session_keeps_every_rule_and_has_a_case_of_each() -> None:
    trace = trace_of(translation())
    assert broken(trace) == set()
    assert {rule_id for rule_id, check in TRANSLATION_INVARIANTS.items() if list(check(trace))} == (
        TRANSLATION_INVARIANTS.keys()
    )


@pytest.mark.parametrize(("mutate", "rules"), [pytest.param(*each[1:], id=each[0]) for each in MUTATIONS])
def test_a_mutation_breaks_the_rules_about_it_and_no_others(mutate: Mutation, rules: str) -> None:
    frames = translation()
    mutate(frames)
    assert broken(trace_of(frames)) == {f"translation.{rule}" for rule in rules.split()}


def test_every_rule_is_broken_by_a_mutation() -> None:
    assert {f"translation.{rule}" for *_, rules in MUTATIONS for rule in rules.split()} == TRANSLATION_INVARIANTS.keys()
