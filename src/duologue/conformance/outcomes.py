"""How a rule is decided when it does not pass: what scenarios raise, and what reading malformed events raises."""

from __future__ import annotations

from typing import Final

__all__ = ["SHAPE_ERRORS", "NotApplicable", "Undecided", "Violation", "expect", "malformed"]


class Violation(Exception):
    """The server breaks a rule. The message says what was seen."""


class Undecided(Exception):
    """The case that a rule is about did not occur. The message says why."""


class NotApplicable(Exception):
    """The rule is about another kind of server. The message says which."""


SHAPE_ERRORS: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading plain JSON raises when it has not the published shape."""


def malformed(fault: Exception) -> str:
    """The sentence for an event that could not be read."""
    return f"an event has another shape than the published one ({type(fault).__name__})"


def expect(holds: bool, seen: str) -> None:
    """Raise Violation with what was seen, unless `holds`."""
    if not holds:
        raise Violation(seen)
