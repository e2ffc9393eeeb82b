"""The levels of `duologue load` as a page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from duologue.cli.views.load import COLUMNS, cells_of, level_notes
from duologue.load import LevelReport
from duologue.printable import printable

__all__ = ["WorstCallLink", "load_page"]

WorstCallLink = tuple[str, str]
"""The name of a file beside the page, and what is said about it."""

_STYLE: Final = """
:root { color-scheme: light dark; --ink: light-dark(#1b1b1b, #e8e8e8); --dim: light-dark(#595959, #a8a8a8);
  --line: light-dark(#d8d8d8, #3c3c3c); --bad: light-dark(#a4161a, #ff8a80); --bar: light-dark(#2f6690, #81b8e0);
  --soft: light-dark(#b9d3e6, #35566f); --back: light-dark(#ffffff, #161616); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto;
  max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); } .bad { color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--dim); font-weight: 500; vertical-align: bottom; white-space: normal; }
td.note { text-align: left; white-space: normal; border-bottom: 1px solid var(--line); }
svg text { font: 12px system-ui, sans-serif; fill: var(--dim); }
a { color: var(--bar); }
"""

_WIDTH, _ROW, _LEFT, _RIGHT = 960, 26, 90, 170


def load_page(
    levels: Sequence[LevelReport], *, title: str, about: str, nonce: str, worst: Sequence[WorstCallLink] = ()
) -> str:
    """The page. `nonce` is for its style: nothing else is allowed in it, and there is no script."""
    parts = [
        "<!doctype html><html lang=en data-ready><meta charset=utf-8>",
        f"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'nonce-{nonce}'\">",
        '<meta name=viewport content="width=device-width">',
        f"<title>{_text(title)}</title><style nonce={nonce}>{_STYLE}</style>",
        f"<h1>{_text(title)}</h1><p class=dim>{_text(about)}</p>",
        "<h2>End of speech to first sound</h2>",
        _chart(levels),
        "<h2>Levels</h2>",
        _table(levels),
        "<p class=dim>Delays in milliseconds. A percentile of so few turns that it would be the longest is left out. A"
        " turn without an answer is lost and has no delay. Late is what the generator itself was late by.</p>",
    ]
    if worst:
        parts.append("<h2>The calls with the longest waits</h2><ul>")
        parts += [f'<li><a href="{escape(name)}">{_text(what)}</a>' for name, what in worst]
        parts.append("</ul>")
    return "\n".join(parts) + "\n"


def _table(levels: Sequence[LevelReport]) -> str:
    heads = "".join(f"<th scope=col>{_text(name)}" for name in COLUMNS)
    rows: list[str] = []
    for level in levels:
        cells = cells_of(level)
        rows.append("<tr>" + f"<th scope=row>{cells[0]}" + "".join(f"<td>{_text(cell)}" for cell in cells[1:]))
        if notes := level_notes(level):
            told = "<br>".join(_text(note) for note in notes)
            rows.append(f'<tr><td><td class="note bad" colspan={len(COLUMNS) - 1}>{told}')
    return f"<div class=wide tabindex=0><table><thead><tr>{heads}<tbody>{''.join(rows)}</table></div>"


def _chart(levels: Sequence[LevelReport]) -> str:
    """A bar for each level: to the median, on to the 95th percentile, and a mark at the longest."""
    longest = max((level.first_audio.max for level in levels if level.first_audio is not None), default=0.0)
    if not longest:
        return "<p class=bad>No turn was answered.</p>"
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    shapes: list[str] = []
    for number, level in enumerate(levels):
        y, first = number * _ROW + 4, level.first_audio
        name = (
            f"{level.calls} call{'' if level.calls == 1 else 's'}"
            if level.rate_per_s is None
            else f"{level.rate_per_s:g}/s"
        )
        shapes.append(f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{name}</text>')
        if first is None:
            shapes.append(f'<text x="{_LEFT}" y="{y + 13}">no answer</text>')
            continue
        for value, colour in ((first.p95, "--soft"), (first.p50, "--bar")):
            if value is not None:
                width = f"{max(value, 0) * scale:.1f}"
                shapes.append(f'<rect x="{_LEFT}" y="{y}" width="{width}" height="16" fill="var({colour})"/>')
        at = _LEFT + max(first.max, 0) * scale
        shapes.append(f'<rect x="{at:.1f}" y="{y}" width="2" height="16" fill="var(--ink)"/>')
        told = _NO_MEDIAN if first.p50 is None else f"{first.p50:.0f} ms"
        shapes.append(f'<text x="{at + 8:.1f}" y="{y + 13}">{told}, max {first.max:.0f}</text>')
    label = "Median, 95th percentile and longest delay of each level; the table has the same numbers"
    height = len(levels) * _ROW + 8
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{label}">{"".join(shapes)}</svg>'
    )


_NO_MEDIAN: Final = "one turn"


def _text(text: str) -> str:
    return escape(printable(text))
