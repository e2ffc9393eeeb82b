"""The language of patterns, and its matcher."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.conformance.rulebook.patterns import Pattern, Step
from duologue.conformance.wire.trace import Side, WireMessage


def _came(*types: str | dict[str, Any], side: Side = "S") -> list[WireMessage]:
    events = [{"type": each} if isinstance(each, str) else each for each in types]
    return [WireMessage(side=side, at_s=0.0, event=event) for event in events]


@pytest.mark.parametrize(
    ("steps", "came"),
    [
        (["S a", "S b"], "a b"),
        (["S a", "S b ?", "S c"], "a c"),
        (["S a", "S b ?", "S c"], "a b c"),
        (["S a", "S b *"], "a"),
        (["S a", "S b *"], "a b b b"),
        (["S a +", "S b"], "a a b"),
        ([("S a", "S b"), "S c"], "b a c"),
        ([("S a *", "S b *"), "S c"], "a b a a b c"),
        ([("S a *", "S b *"), "S c"], "c"),
        ([("S a ?", "S b ?"), "S a"], "a"),
        (["S a *", "S a"], "a a a"),
        (["S a.*"], "a.b"),
    ],
)
def test_messages_that_follow_a_pattern_have_no_mismatch(steps: list[Any], came: str) -> None:
    assert Pattern.of(steps).mismatch(_came(*came.split())) is None


@pytest.mark.parametrize(
    ("steps", "came", "sentence"),
    [
        (["S a", "S b"], "b", "event 1 is b, where a must come"),
        (["S a", "S b"], "a", "b does not come"),
        (["S a", "S b"], "a b b", "event 3 is b, where nothing more must come"),
        (["S a", "S b ?", "S c"], "a b b", "event 3 is b, where c must come"),
        (["S a +", "S b"], "b", "event 1 is b, where a must come"),
        ([("S a", "S b"), "S c"], "a c", "event 2 is c, where b must come"),
        ([("S a", "S b"), "S c"], "a a", "event 2 is a, where b must come"),
        ([("S a *", "S b"), "S c"], "a", "a or b does not come"),
    ],
)
def test_a_mismatch_says_what_came_and_what_had_to(steps: list[Any], came: str, sentence: str) -> None:
    assert Pattern.of(steps).mismatch(_came(*came.split())) == sentence


def test_the_side_counts() -> None:
    assert Pattern.of(["C a"]).mismatch(_came("a", side="S")) == "event 1 is a, where a must come"
    assert Pattern.of(["C a"]).mismatch(_came("a", side="C")) is None


def test_values_at_paths_count_and_are_named() -> None:
    pattern = Pattern.of(["S a r.status=done r.why=x"])
    assert pattern.mismatch(_came({"type": "a", "r": {"status": "done", "why": "x"}})) is None
    assert pattern.mismatch(_came({"type": "a", "r": {"status": "open", "why": "x"}})) == (
        "event 1 is a with r.status='open', where a r.status=done r.why=x must come"
    )


def test_what_is_free_may_stand_anywhere() -> None:
    assert Pattern.of(["S a", "S b"], free=["S x.*"]).mismatch(_came(*"x.1 a x.2 b x.1".split())) is None


def test_in_an_open_pattern_only_the_types_that_it_names_count() -> None:
    assert Pattern.of(["S a", "S b"], open=True).mismatch(_came(*"x a y b z".split())) is None
    assert Pattern.of(["S a", "S b"], open=True).mismatch(_came(*"b x a".split())) is not None


@pytest.mark.parametrize("text", ["X a", "S a status", "C a b c=1"])
def test_a_step_that_cannot_be_read_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="this is no step of a pattern"):
        Step.of(text)


@given(st.lists(st.sampled_from("ab"), max_size=8), st.integers(0, 8))
def test_a_mixed_group_takes_every_order_of_what_it_names(letters: list[str], cut: int) -> None:
    pattern = Pattern.of([("S a *", "S b *"), "S c"])
    assert pattern.mismatch(_came(*letters, "c")) is None
    broken = [*letters[:cut], "c", *letters[cut:], "c"]
    assert pattern.mismatch(_came(*broken)) is not None


def test_many_events_in_a_group_without_limit_take_few_places() -> None:
    pattern = Pattern.of([("S a *", "S b +"), ("S a *", "S b *"), "S c"])
    assert pattern.mismatch(_came(*["a", "b"] * 2000, "c")) is None
