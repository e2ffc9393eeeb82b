"""The names of parameters in errors: `session.audio.output.voice` is `session.voice` to a client of the flat era."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from duologue.dialects import Profile
from duologue.dialects.rules import Move
from duologue.dialects.wrapping import Format

__all__ = ["our_parameter", "their_parameter"]

_CONFIGURING: Final = ("session.update", "response.create")
"""Events whose fields have other paths."""


def their_parameter(param: str, profile: Profile) -> str:
    """A canonical path as the dialect's clients know it."""
    return _moved(param, ((ours, theirs) for theirs, ours in _moves(profile)))


def our_parameter(param: str, profile: Profile) -> str:
    """A dialect's path as the canonical model has it."""
    return _moved(param, _moves(profile))


def _moved(param: str, moves: Iterator[tuple[str, str]]) -> str:
    for source, target in moves:
        if param == source or param.startswith((f"{source}.", f"{source}[")):
            return target + param[len(source) :]
    return param


def _moves(profile: Profile) -> Iterator[tuple[str, str]]:
    """The vendor's and our path of every field whose path differs."""
    for name in _CONFIGURING:
        for rule in profile.rules_for(name):
            if isinstance(rule, (Move, Format)) and "[" not in rule.at:
                yield f"{rule.at}.{rule.theirs}", f"{rule.at}.{rule.ours}"
