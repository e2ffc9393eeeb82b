"""Lists of voices, as servers of `/audio/speech` give them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

__all__ = ["voices_in"]

_MAX_VOICES: Final = 2_000
"""Of one server; those that list most, for all languages, have some 500."""

_MAX_NAME_CHARACTERS: Final = 200


def voices_in(content: bytes) -> tuple[str, ...]:
    """The names in the answer of `GET /audio/voices`, each once; none where it lists none.

    Names, or objects with an `id` or a `name`, as a list or below `voices` or `data`; below a language as well.
    """
    try:
        found = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return ()
    names = dict.fromkeys(name for name in _names(found) if 0 < len(name) <= _MAX_NAME_CHARACTERS)
    return tuple(names)[:_MAX_VOICES]


def _names(found: Any) -> list[str]:
    match found:
        case {"voices": inner} | {"data": inner}:
            return _names(inner)
        case list():
            return [name for each in found if (name := _name(each)) is not None]
        case dict():
            return [name for inner in found.values() if isinstance(inner, list | dict) for name in _names(inner)]
        case _:
            return []


def _name(voice: Any) -> str | None:
    match voice:
        case str(voice) | {"id": str(voice)} | {"name": str(voice)} | {"voice": str(voice)}:
            return voice
        case _:
            return None
