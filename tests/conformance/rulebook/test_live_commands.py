"""Which command an answer belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.conformance.rulebook.live_commands import answered_once, confirmations, error_reference
from duologue.conformance.wire.trace import WireMessage
from tests.conformance.rulebook._traces import SESSION, Frame, trace_of

MUTE: Frame = ("C", {"type": "session.input_audio.mute", "event_id": "c1"})
MUTED = {"type": "session.input_audio.muted", "event_id": "s1"}
CLOSED = {"type": "session.closed", "event_id": "s2", "reason": "expired", "session": SESSION, "usage": {"seconds": 1}}


def _faults(*frames: Frame, shared: bool = False) -> list[str]:
    return [fault for fault in answered_once(trace_of(list(frames), shared=shared)) if fault is not None]


def test_every_confirmed_command_is_known_and_no_other() -> None:
    assert len(confirmations()) == 12
    assert confirmations()["session.output_audio.fixture.play"] == "session.output_audio.fixture.playing"
    assert not {"session.input_audio.append", "response.create", "decision.create"} & confirmations().keys()


def test_an_answer_that_names_no_command_belongs_to_the_oldest_of_its_kind() -> None:
    again: Frame = ("C", {**MUTE[1], "event_id": "c2"})
    assert _faults(MUTE, again, ("S", MUTED), ("S", MUTED), ("S", CLOSED)) == []
    assert _faults(MUTE, again, ("S", MUTED), ("S", CLOSED)) == [
        "session.input_audio.mute (c2) is not answered before session.closed"
    ]


def test_an_error_that_names_no_command_may_be_about_any() -> None:
    error = {"type": "error", "event_id": "s0", "error": {"type": "server_error", "code": "x", "message": "x"}}
    assert _faults(MUTE, ("S", error), ("S", CLOSED)) == []


def test_an_error_while_starting_answers_the_start() -> None:
    start: Frame = ("C", {"type": "session.start", "event_id": "c0", "session": {}})
    error = {"type": "error", "event_id": "s0", "error": {"type": "server_error", "code": "x", "message": "x"}}
    assert list(answered_once(trace_of([start, ("S", error)]))) == [None]


def test_a_session_that_is_closed_unasked_is_no_fault() -> None:
    start: Frame = ("C", {"type": "session.start", "event_id": "c0", "session": {}})
    started: Frame = ("S", {"type": "session.started", "event_id": "s0", "session": SESSION})
    assert _faults(start, started, ("S", CLOSED)) == []


def test_a_confirmation_of_another_socket_of_the_session_is_no_fault() -> None:
    start: Frame = ("C", {"type": "session.start", "event_id": "c0", "session": {}})
    started: Frame = ("S", {"type": "session.started", "event_id": "s0", "session": SESSION})
    assert _faults(start, started, ("S", MUTED), shared=True) == []
    assert len(_faults(start, started, ("S", MUTED))) == 1


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"client_event_id": "c1"}, "c1"),
        ({"error": {"client_event_id": "c2"}}, "c2"),
        ({"client_event_id": None, "error": {"event_id": "c3"}}, None),
    ],
)
def test_an_error_names_its_command_in_either_of_two_places(event: dict[str, Any], named: str | None) -> None:
    assert error_reference(WireMessage(side="S", at_s=0.0, event=event)) == named
