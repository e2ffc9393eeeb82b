"""Plots of published figures, in SVG: bars, and points on two axes."""

from __future__ import annotations

import math
from typing import Any, Final

from website.drawings.svg import Colours, Drawing, words_width
from website.figures.published import Published

__all__ = ["OURS", "draw_plot"]

OURS: Final = "duologue"
"""The bars that stand out."""

_WIDTH: Final = 760
_LEFT: Final = 170
_ROW: Final = 22
_HEAD: Final = 44
_GROUP: Final = 26
_BAR: Final = _WIDTH - _LEFT - 110
"""Of the longest bar: its number stands behind it."""


def draw_plot(published: Published, plot: dict[str, Any], colours: Colours) -> Drawing:
    """Draw a plot of the file."""
    return _points(published, plot, colours) if "points" in plot else _bars(published, plot, colours)


def _bars(published: Published, plot: dict[str, Any], colours: Colours) -> Drawing:
    rows = [(group, name, published.value(expression)) for group, name, expression in plot["bars"]]
    height = _HEAD + _ROW * len(rows) + _GROUP * sum(bool(group) for group, _, _ in rows) + 10
    drawing = Drawing(_WIDTH, height, colours, title=plot["title"])
    scale = "logarithmic" if plot.get("logarithmic") else "from zero"
    drawing.words(14, 24, plot["title"], size=15, bold=True)
    drawing.words(_WIDTH - 14, 24, scale, size=12, anchor="end", colour=colours.faint)
    length = _logarithmic(rows) if plot.get("logarithmic") else _linear(rows)
    y = float(_HEAD)
    for group, name, value in rows:
        if group:
            y += _GROUP
            drawing.words(14, y - 8, group, size=13, bold=True)
        ours = name == OURS
        drawing.words(_LEFT - 10, y + 12, name, size=13, anchor="end", bold=ours)
        drawing.box(_LEFT, y, max(2.0, length(value)), _ROW - 6, accent=ours, round_px=3)
        number = f"{_number(value)} {plot['unit']}".rstrip()
        drawing.words(_LEFT + max(2.0, length(value)) + 8, y + 12, number, size=12, colour=colours.faint)
        y += _ROW
    return drawing


def _linear(rows: list[tuple[str, str, float]]) -> Any:
    most = max(value for _, _, value in rows)
    return lambda value: round(_BAR * value / most, 1)


def _logarithmic(rows: list[tuple[str, str, float]]) -> Any:
    least, most = (function(value for _, _, value in rows) for function in (min, max))
    begin = 10 ** math.floor(math.log10(least))
    return lambda value: round(_BAR * math.log(value / begin) / math.log(most / begin), 1)


_HIGH: Final = 360
_FOOT: Final = 46


def _points(published: Published, plot: dict[str, Any], colours: Colours) -> Drawing:
    points = [(name, published.value(x), published.value(y), kind) for name, x, y, kind in plot["points"]]
    drawing = Drawing(_WIDTH, _HIGH, colours, title=plot["title"])
    drawing.words(14, 24, plot["title"], size=15, bold=True)
    left, right, top, foot = 60.0, _WIDTH - 150.0, _HEAD + 10.0, _HIGH - float(_FOOT)
    step = 500
    most = step * math.ceil(max(x for _, x, _, _ in points) / step)
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = foot - share * (foot - top)
        drawing.line([(left, y), (right, y)], dashed=bool(share))
        drawing.words(left - 8, y + 4, f"{share:.0%}".replace("%", " %"), size=12, anchor="end", colour=colours.faint)
    for mark in range(0, most + 1, step):
        x = left + mark / most * (right - left)
        drawing.words(x, foot + 18, f"{mark} {plot['unit']}", size=12, anchor="middle", colour=colours.faint)
    for kind in dict.fromkeys(kind for *_, kind in points):
        drawing.line([(_at(x, most, left, right), foot - y * (foot - top)) for _, x, y, k in points if k == kind])
    for name, x, y, kind in points:
        at = _at(x, most, left, right), foot - y * (foot - top)
        is_ours = kind == "ours"
        drawing.dot(*at, 6 if is_ours else 4)
        below = at[1] > foot - 100 and is_ours
        drawing.words(
            at[0] + (0 if below else 10), at[1] + (22 if below else -8), name, size=12, bold=is_ours,
            anchor="middle" if below and words_width(name, 12) < at[0] else "start",
        )  # fmt: skip
    return drawing


def _at(value: float, most: float, left: float, right: float) -> float:
    return round(left + value / most * (right - left), 1)


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 20 or value == int(value) else f"{value:.2g}"
