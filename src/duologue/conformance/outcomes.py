"""How a rule is decided otherwise than by passing: what scenarios raise, and what reading odd JSON does."""

from __future__ import annotations

from typing import Final

__all__ = ["SHAPE_ERRORS", "NotApplicable", "Undecided", "Violation", "expect", "malformed"]


class Violation(Exception):
    """The server does not do what it should; says what was seen."""


class Undecided(Exception):
    """The case that a rule is about did not come about; says why."""


class NotApplicable(Exception):
    """The rule is about a kind of server that this one is not; says which."""


SHAPE_ERRORS: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading plain JSON raises when it has another shape than the published one."""


def malformed(fault: Exception) -> str:
    """What to say of an event that could not be read."""
    return f"an event has another shape than the published one ({type(fault).__name__})"


def expect(holds: bool, seen: str) -> None:
    """Raises Violation with what was seen unless this holds."""
    if not holds:
        raise Violation(seen)
