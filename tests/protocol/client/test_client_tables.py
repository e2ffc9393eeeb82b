"""The tables of the client's session core: complete, reachable, and without a way out of an end."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest

from duologue.protocol.states import (
    PLAYBACK,
    RECONNECT,
    SEQUENCE,
    PlaybackInput,
    PlaybackState,
    ReconnectInput,
    ReconnectState,
    SequenceInput,
    SequenceState,
)

Table = Mapping[tuple[Any, Any], Any]

TABLES: list[tuple[Table, type[Enum], type[Enum], Enum, set[Enum]]] = [
    (SEQUENCE, SequenceState, SequenceInput, SequenceState.IDLE, set()),
    (PLAYBACK, PlaybackState, PlaybackInput, PlaybackState.RECEIVING, {PlaybackState.PLAYED, PlaybackState.CUT}),
    (RECONNECT, ReconnectState, ReconnectInput, ReconnectState.CONNECTED, {ReconnectState.GIVEN_UP}),
]


@pytest.mark.parametrize(
    ("table", "states", "inputs", "start", "ends"), TABLES, ids=["sequence", "playback", "reconnect"]
)
def test_every_state_is_reached_every_input_is_used_and_ends_are_ends(
    table: Table, states: type[Enum], inputs: type[Enum], start: Enum, ends: set[Enum]
) -> None:
    reached = {start}
    for _ in states:
        reached |= {following for (state, _), following in table.items() if state in reached}
    assert reached == set(states)
    assert {happened for _, happened in table} == set(inputs)
    assert set(states) - {state for state, _ in table} == ends


def test_a_lost_connection_frees_the_conversation_whatever_was_under_way() -> None:
    lost = {state: SEQUENCE.get((state, SequenceInput.LOST)) for state in SequenceState}
    assert set(lost.values()) == {SequenceState.IDLE}


def test_nothing_is_created_while_something_runs_or_is_being_stopped() -> None:
    assert [state for state, happened in SEQUENCE if happened is SequenceInput.CREATE_SENT] == [SequenceState.IDLE]
