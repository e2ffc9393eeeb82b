from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest

from duologue.protocol import states as tables
from duologue.protocol.states import (
    CONNECTION,
    PLAYBACK,
    RECONNECT,
    RESPONSE,
    RESPONSE_ENDS,
    SEQUENCE,
    TURN,
    ConnectionInput,
    ConnectionState,
    IllegalTransition,
    IllegalTransitionError,
    PlaybackState,
    ReconnectState,
    ResponseInput,
    ResponseState,
    SequenceInput,
    SequenceState,
    TurnInput,
    TurnState,
    report_once,
    step,
)

Table = Mapping[tuple[Any, Any], Any]

ENDS: dict[str, tuple[Table, set[Any]]] = {
    "connection": (CONNECTION, {ConnectionState.CLOSED}),
    "playback": (PLAYBACK, {PlaybackState.CUT}),
    "reconnect": (RECONNECT, {ReconnectState.GIVEN_UP}),
    "response": (RESPONSE, set(RESPONSE_ENDS)),
    "sequence": (SEQUENCE, set()),
    "turn": (TURN, set()),
}
"""Every table, and the states that nothing leads out of."""

every_table = pytest.mark.parametrize(("table", "ends"), ENDS.values(), ids=ENDS)


def states_and_inputs(table: Table) -> tuple[type[Enum], type[Enum]]:
    state, happened = next(iter(table))
    return type(state), type(happened)


@every_table
def test_every_state_is_reached_every_input_is_used_and_ends_are_ends(table: Table, ends: set[Any]) -> None:
    states, inputs = states_and_inputs(table)
    reached = {next(iter(states))}
    for _ in states:
        reached |= {following for (state, _), following in table.items() if state in reached}
    assert reached == set(states)
    assert {happened for _, happened in table} == set(inputs)
    assert set(states) - {state for state, _ in table} == ends


@pytest.mark.usefixtures("illegal_transitions_are_reported")
@every_table
def test_a_pair_that_is_not_in_the_table_is_illegal(table: Table, ends: set[Any]) -> None:
    states, inputs = states_and_inputs(table)
    for state in states:
        for happened in inputs:
            reported: list[IllegalTransition] = []
            following = step(table, state, happened, report=reported.append)
            assert following is table.get((state, happened))
            assert bool(reported) == (following is None)


@pytest.mark.usefixtures("illegal_transitions_are_reported")
def test_an_illegal_transition_is_reported_with_its_table_state_and_input() -> None:
    reported: list[IllegalTransition] = []
    assert step(RESPONSE, ResponseState.FAILED, ResponseInput.TOKENS_SPENT, report=reported.append) is None
    [illegal] = reported
    assert (illegal.table, illegal.state, illegal.happened) == ("response", "failed", "tokens spent")
    assert str(illegal) == "illegal transition of the response: 'tokens spent' while 'failed'"


def test_in_tests_an_illegal_transition_raises_although_it_would_be_reported() -> None:
    with pytest.raises(IllegalTransitionError, match="'murmur' while 'silent'"):
        step(TURN, TurnState.SILENT, TurnInput.MURMUR, report=lambda illegal: None)


def test_an_illegal_transition_is_reported_once_where_that_is_enough() -> None:
    reported: list[IllegalTransition] = []
    report = report_once(reported.append)
    failed, created = (IllegalTransition("response", "failed", happened) for happened in ("failed", "created"))
    for illegal in (failed, created, failed):
        report(illegal)
    assert reported == [failed, created]


def test_every_connection_that_is_not_closed_can_be_closed() -> None:
    closing = {state for state, happened in CONNECTION if happened is ConnectionInput.CLOSED}
    assert closing == {ConnectionState.CONNECTING, ConnectionState.OPEN}


def test_a_lost_connection_frees_the_conversation_in_every_state() -> None:
    assert {SEQUENCE[state, SequenceInput.LOST] for state in SequenceState} == {SequenceState.IDLE}


def test_nothing_is_created_while_a_response_runs_or_is_being_cancelled() -> None:
    assert [state for state, happened in SEQUENCE if happened is SequenceInput.CREATE_SENT] == [SequenceState.IDLE]


@pytest.mark.parametrize("happened", [ResponseInput.CANCELLED, ResponseInput.FAILED])
def test_a_response_can_be_cancelled_and_can_fail_at_every_time(happened: ResponseInput) -> None:
    assert {state for state, other in RESPONSE if other is happened} == {ResponseState.WAITING, ResponseState.RUNNING}


def test_ends_of_a_response_are_called_as_on_the_wire() -> None:
    assert {state.value for state in RESPONSE_ENDS} == {"completed", "cancelled", "incomplete", "failed"}


def test_every_enumeration_of_states_says_what_it_is() -> None:
    for node in ast.parse(inspect.getsource(tables)).body:
        if isinstance(node, ast.ClassDef):
            assert ast.get_docstring(node), node.name
