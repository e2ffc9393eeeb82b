"""A table of states as lanes: a column for each state, a row for each pair of states between which something leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any, Final

from website.drawings.svg import Colours, Drawing, words_width

__all__ = ["draw_states"]

_ROW: Final = 34
_HEAD: Final = 64
_BOX: Final = 30
_MARGIN: Final = 16
_NARROWEST: Final = 96
"""Of a column: arrows and their heads must be seen between two of them."""
_LABEL: Final = 12.0


def draw_states(title: str, table: Mapping[tuple[Any, Any], Enum], colours: Colours) -> Drawing:
    """Draw one table. The first state has a dot above it; those that nothing leaves are ends, and stand out."""
    states: Sequence[Enum] = list(type(next(iter(table.values()))))
    rows = _rows(table)
    places = _places(states, rows)
    width = places[-1] + _column(states[-1]) / 2 + _MARGIN + _overhang(states, rows)
    height = _HEAD + _ROW * len(rows) + 12
    drawing = Drawing(width, height, colours, title=title)
    at = dict(zip(states, places, strict=True))
    left = {before for before, _ in table}
    for state, x in at.items():
        drawing.line([(x, _HEAD - 16), (x, height - 6)], dashed=True)
        box = _column(state) - 12
        drawing.box(x - box / 2, _HEAD - 16 - _BOX, box, _BOX, accent=state not in left, round_px=15)
        drawing.words(x, _HEAD - 16 - _BOX / 2 + 4.5, state.value, anchor="middle", bold=True)
    drawing.dot(at[states[0]], 8, 5)
    for number, ((before, after), inputs) in enumerate(rows.items()):
        _row(drawing, _HEAD + _ROW * number + 18, at[before], at[after], ", ".join(inputs))
    return drawing


def _rows(table: Mapping[tuple[Any, Any], Enum]) -> dict[tuple[Enum, Enum], list[str]]:
    rows: dict[tuple[Enum, Enum], list[str]] = {}
    for (before, happened), after in table.items():
        rows.setdefault((before, after), []).append(happened.value)
    return rows


def _column(state: Enum) -> float:
    return max(_NARROWEST, words_width(state.value, 13) + 36)


def _places(states: Sequence[Enum], rows: Mapping[tuple[Enum, Enum], list[str]]) -> list[float]:
    """The middle of each column; two are as far from each other as the words between them need."""
    places = [_MARGIN + _column(states[0]) / 2]
    for here, following in pairwise(states):
        words = [", ".join(inputs) for pair, inputs in rows.items() if set(pair) == {here, following}]
        words += [", ".join(inputs) for pair, inputs in rows.items() if pair == (here, here)]
        needed = max((words_width(each, _LABEL) + 30 for each in words), default=0.0)
        places.append(places[-1] + max(needed, (_column(here) + _column(following)) / 2))
    return places


def _overhang(states: Sequence[Enum], rows: Mapping[tuple[Enum, Enum], list[str]]) -> float:
    """What the words beside a loop of the last column need to its right."""
    last = states[-1]
    words = words_width(", ".join(rows.get((last, last), [])), _LABEL)
    return max(0.0, words + 30 - _column(last) / 2)


def _row(drawing: Drawing, y: float, begin: float, end: float, words: str) -> None:
    if begin == end:
        drawing.line([(begin, y - 8), (begin + 16, y - 8), (begin + 16, y + 4), (begin + 2, y + 4)], arrow=True)
        drawing.words(begin + 24, y + 2, words, size=_LABEL)
        return
    direction = 1 if end > begin else -1
    drawing.line([(begin, y), (end - 2 * direction, y)], arrow=True)
    drawing.dot(begin, y, 3)
    drawing.words((begin + end) / 2, y - 6, words, size=_LABEL, anchor="middle")
