"""The names of parameters in errors: `session.audio.output.voice` is `session.voice` in a flat dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from duologue.dialects import Profile
from duologue.dialects.rules import Move
from duologue.dialects.wrapping import Format

__all__ = ["our_parameter", "their_parameter"]

_CONFIGURING: Final = ("session.update", "response.create")
"""Events whose fields have other paths in dialects."""


def their_parameter(param: str, profile: Profile) -> str:
    """A canonical path in the dialect."""
    return _moved(param, ((ours, theirs) for theirs, ours in _moves(profile)))


def our_parameter(param: str, profile: Profile) -> str:
    """A dialect's path in the canonical model."""
    return _moved(param, _moves(profile))


def _moved(param: str, moves: Iterator[tuple[str, str]]) -> str:
    fitting = [
        (source, target)
        for source, target in moves
        if param == source or param.startswith((f"{source}.", f"{source}["))
    ]
    # Of a format and a field inside it that has a place of its own, the field.
    source, target = max(fitting, key=lambda move: len(move[0]), default=("", ""))
    return target + param[len(source) :]


def _moves(profile: Profile) -> Iterator[tuple[str, str]]:
    """The dialect's and the canonical path of each field whose paths differ."""
    for name in _CONFIGURING:
        for rule in profile.rules_for(name):
            if isinstance(rule, (Move, Format)) and "[" not in rule.at:
                yield f"{rule.at}.{rule.theirs}", f"{rule.at}.{rule.ours}"
