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
    RESPONSE,
    RESPONSE_ENDS,
    TURN,
    ConnectionInput,
    ConnectionState,
    IllegalTransition,
    IllegalTransitionError,
    ResponseInput,
    ResponseState,
    TurnInput,
    TurnState,
    step,
)

Table = Mapping[tuple[Any, Any], Any]

TABLES: list[tuple[Table, type[Enum], type[Enum], Enum, frozenset[Any]]] = [
    (CONNECTION, ConnectionState, ConnectionInput, ConnectionState.CONNECTING, frozenset({ConnectionState.CLOSED})),
    (TURN, TurnState, TurnInput, TurnState.SILENT, frozenset()),
    (RESPONSE, ResponseState, ResponseInput, ResponseState.WAITING, RESPONSE_ENDS),
]

every_table = pytest.mark.parametrize(
    ("table", "states", "inputs", "start", "ends"), TABLES, ids=["connection", "turn", "response"]
)


@every_table
def test_every_state_can_be_reached(
    table: Table, states: type[Enum], inputs: type[Enum], start: Enum, ends: frozenset[Enum]
) -> None:
    reached = {start}
    for _ in states:
        reached |= {following for (state, _), following in table.items() if state in reached}
    assert reached == set(states)


@every_table
def test_every_input_means_something_somewhere(
    table: Table, states: type[Enum], inputs: type[Enum], start: Enum, ends: frozenset[Enum]
) -> None:
    assert {happened for _, happened in table} == set(inputs)


@every_table
def test_an_end_is_a_state_that_nothing_leads_out_of(
    table: Table, states: type[Enum], inputs: type[Enum], start: Enum, ends: frozenset[Enum]
) -> None:
    assert set(states) - {state for state, _ in table} == ends


@pytest.mark.usefixtures("illegal_transitions_are_reported")
@every_table
def test_a_pair_that_is_not_in_the_table_is_not_legal(
    table: Table, states: type[Enum], inputs: type[Enum], start: Enum, ends: frozenset[Enum]
) -> None:
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


def test_whatever_is_under_way_can_be_closed() -> None:
    assert {state for state, happened in CONNECTION if happened is ConnectionInput.CLOSED} == {
        ConnectionState.CONNECTING,
        ConnectionState.OPEN,
    }


@pytest.mark.parametrize("happened", [ResponseInput.CANCELLED, ResponseInput.FAILED])
def test_a_response_can_be_cancelled_and_can_fail_at_every_time(happened: ResponseInput) -> None:
    assert {state for state, other in RESPONSE if other is happened} == {ResponseState.WAITING, ResponseState.RUNNING}


def test_ends_of_a_response_are_called_as_on_the_wire() -> None:
    assert {state.value for state in RESPONSE_ENDS} == {"completed", "cancelled", "incomplete", "failed"}


def test_every_enumeration_of_states_says_what_it_is() -> None:
    for node in ast.parse(inspect.getsource(tables)).body:
        if isinstance(node, ast.ClassDef):
            assert ast.get_docstring(node), node.name
