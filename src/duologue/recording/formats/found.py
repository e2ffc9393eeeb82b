"""A frame that was found in a file."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from duologue.recording.lines import Direction

__all__ = ["FoundFrame", "Json"]

Json: TypeAlias = dict[str, Any]


class FoundFrame(NamedTuple):
    """A frame, or a place in a file where one should be."""

    number: int
    """Of the line where it begins, or of the message, as the format counts."""
    text: str | bytes
    """The frame as JSON text, exactly as it was; empty if there is none. With a problem: what is there instead."""
    problem: str = ""
    """Why there is no frame."""
    direction: Direction | None = None
    """None where the file does not say it."""
    at_s: float | None = None
    """When it passed, in seconds since some moment that the whole file has in common; None where it does not say it."""
