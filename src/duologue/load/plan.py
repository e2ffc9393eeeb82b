"""What a caller does, turn by turn: drawn from a seed, so that two runs ask the same at the same times."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from msgspec import Struct

__all__ = ["CallerHabits", "PlannedTurn", "planned_turns"]

_THINK_S: Final = (0.5, 2.0)
"""Between an answer and the next question. People leave 0.2 s between turns of small talk, and longer after advice."""

_CUTS_IN_S: Final = (0.4, 1.2)
"""After the first sound of an answer: sooner it was not heard, and later many answers are over."""


class CallerHabits(Struct, frozen=True, kw_only=True):
    """What all callers have in common."""

    seed: int = 1
    barge_in: float = 0.2
    """The share of answers that are interrupted, from 0 to 1."""
    turns: int | None = None
    """After which a caller hangs up; None: it talks as long as it may."""


class PlannedTurn(Struct, frozen=True, kw_only=True):
    """One turn."""

    utterance: int
    """Which of the voice's utterances is said."""
    think_s: float
    """Before it, from the end of the answer before."""
    cuts_in_s: float | None
    """How long the answer is listened to before the next turn interrupts it; None: to its end."""


def planned_turns(habits: CallerHabits, caller: int, n_utterances: int) -> Iterator[PlannedTurn]:
    """The turns of a caller: the same for the same seed and number."""
    chance = Random(f"{habits.seed}/{caller}")
    number = 0
    while habits.turns is None or number < habits.turns:
        number += 1
        yield PlannedTurn(
            utterance=chance.randrange(n_utterances),
            think_s=chance.uniform(*_THINK_S),
            cuts_in_s=chance.uniform(*_CUTS_IN_S) if chance.random() < habits.barge_in else None,
        )
