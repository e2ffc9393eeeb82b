"""What each caller may have."""

from __future__ import annotations

import pytest

from duologue.server import allowances as module
from duologue.server.allowances import Allowance, Allowances

FEW = Allowance(sessions=1)


def test_a_caller_without_limits_of_its_own_has_those_of_all() -> None:
    assert Allowances().of("alice") == Allowance()
    assert Allowances({"alice": FEW}).of("bob") == Allowance()


def test_what_the_application_says_counts_from_then_on_and_keys_are_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MAX_OWNERS", 2)
    known = Allowances({"alice": FEW})
    for owner in ("bob", "carol", "bob", "dave"):
        known.note(owner, Allowance(sessions=2))
    assert [known.of(owner).sessions for owner in ("alice", "bob", "carol", "dave")] == [1, 2, None, 2]
