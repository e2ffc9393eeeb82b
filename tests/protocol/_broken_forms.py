"""Forms that a message takes when one place of it is left out, null, or of another kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["broken_forms"]

_OTHERS: Final[tuple[Any, ...]] = (None, {}, [], "", "x", 0, -1, 1.5, True, [None], {"type": "x"}, "x" * 3000)

Place = tuple[str | int, ...]


def broken_forms(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message with each of its places broken in each way, one at a time; `type` at the top stays."""
    for place in _places(message):
        if place == ("type",):
            continue
        yield _without(message, place)
        for other in _OTHERS:
            yield _with(message, place, other)


def _places(value: Any, above: Place = ()) -> Iterator[Place]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*above, name)
        yield from _places(each, (*above, name))


def _with(value: Any, place: Place, other: Any) -> Any:
    if not place:
        return other
    changed = value.copy()
    changed[place[0]] = _with(value[place[0]], place[1:], other)
    return changed


def _without(value: Any, place: Place) -> Any:
    changed = value.copy()
    if len(place) == 1:
        del changed[place[0]]
    else:
        changed[place[0]] = _without(value[place[0]], place[1:])
    return changed
