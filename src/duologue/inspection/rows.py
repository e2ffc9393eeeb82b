"""Rows of a view, bounded in number, and what of them has changed."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import Struct

from duologue.inspection.view import CallView

__all__ = ["MAX_TEXT_CHARACTERS", "Change", "RowKind", "Rows", "shortened"]

MAX_TEXT_CHARACTERS: Final = 4000
"""Of a transcript or arguments: a minute of speech has a thousand. The frames have all of it."""

_MAX_ROWS: Final = 10_000
"""Of one kind: an hour of quick talk has a thousand turns."""

RowKind: TypeAlias = Literal["turns", "responses", "heard", "interruptions", "tools", "errors", "marks", "leg"]
"""What a row is: an entry of a list of `CallView`."""

R = TypeVar("R")


class Change(Struct, frozen=True):
    """A row that is new or was changed: `getattr(view, kind)[index]`."""

    kind: RowKind
    index: int


class Rows:
    """Adds rows to a view, and collects what was changed since the last `take`."""

    def __init__(self, view: CallView) -> None:
        self._view = view
        self._changed: dict[Change, None] = {}
        self._indexes: dict[int, Change] = {}
        """By the identity of the row, which the view keeps."""

    def add(self, kind: RowKind, row: R) -> R:
        """Add a row. Beyond the limit it is only counted; it can be used like any other."""
        rows: list[R] = getattr(self._view, kind)
        if len(rows) >= _MAX_ROWS:
            self._view.dropped += 1
            return row
        change = Change(kind, len(rows))
        rows.append(row)
        self._indexes[id(row)] = change
        self._changed[change] = None
        return row

    def touch(self, row: object) -> None:
        """A row was changed."""
        if (change := self._indexes.get(id(row))) is not None:
            self._changed[change] = None

    def take(self) -> list[Change]:
        """What was changed, in order, each once."""
        changed, self._changed = list(self._changed), {}
        return changed


def shortened(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[:MAX_TEXT_CHARACTERS]}…"
