"""Delegations to the application."""

from __future__ import annotations

import itertools

import pytest

from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation.client import ClientDelegations
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.outgoing import LiveOutbox


def delegations(**limits: int) -> ClientDelegations:
    numbers = itertools.count(1)
    return ClientDelegations(LiveOutbox(lambda kind: f"{kind}_{next(numbers)}"), LiveDefaults(**limits))  # type: ignore[arg-type]


def test_a_delegation_is_open_until_it_is_answered_and_may_be_answered_again() -> None:
    work = delegations()
    states = [work.is_open]
    delegation_id = work.create(1_800)
    states.append(work.is_open)
    work.answered(delegation_id)
    work.answered("unknown")
    states.append(work.is_open)
    assert states == [False, True, False]
    work.check(delegation_id)


def test_the_oldest_of_too_many_is_forgotten() -> None:
    work = delegations(max_delegations=1)
    first, second = work.create(0), work.create(0)
    work.check(second)
    with pytest.raises(RefusedCommand):
        work.check(first)
