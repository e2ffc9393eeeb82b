"""A table of states that lacks a way, so that a test can provoke an illegal transition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

S = TypeVar("S")
I = TypeVar("I")  # noqa: E741 - state and input are called so in every book on automata

__all__ = ["without"]


def without(table: Mapping[tuple[S, I], S], state: S, happened: I) -> dict[tuple[S, I], S]:
    """A copy of the table without this way."""
    return {pair: following for pair, following in table.items() if pair != (state, happened)}
