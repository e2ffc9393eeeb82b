"""Reads a problem's sentence back into its parts, for the server's `error` event."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

__all__ = ["Problem", "read_problem"]


class Problem(Struct, frozen=True):
    """Where an event does not fit its class, and how."""

    path: str
    """Dotted, from the event's root: `item.content[0].text`; empty for the root itself."""
    missing: bool
    expected: str = ""
    got: str = ""


# The sentences are those of the decoder library, which has kept them since its first version; a test pins them.
_MISSING: Final = re.compile(r"missing required field `(?P<name>[^`]*)`(?: - at `\$\.?(?P<path>[^`]*)`)?$")
_ILL_TYPED: Final = re.compile(
    r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `\$\.?(?P<path>[^`]*)`)?$"
)
_PLACE: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def read_problem(sentence: str) -> Problem:
    """The parts of `UnknownRealtimeEvent.problem`."""
    if found := _MISSING.search(sentence):
        path = ".".join(part for part in (found["path"], found["name"]) if part)
        return Problem(path=path, missing=True)
    if found := _ILL_TYPED.search(sentence):
        return Problem(path=found["path"] or "", missing=False, expected=found["expected"], got=found["got"])
    place = _PLACE.search(sentence)
    return Problem(path=place["path"] if place else "", missing=False, expected="another value", got=sentence)
