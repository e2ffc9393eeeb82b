"""A drawing in SVG: boxes, words and arrows in the colours of a scheme. It fetches nothing, fonts included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal, TypeAlias

__all__ = ["DARK", "LIGHT", "SCHEMES", "Anchor", "Colours", "Drawing", "words_width"]

Anchor: TypeAlias = Literal["start", "middle", "end"]

_SANS: Final = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_MONO: Final = "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Consolas, monospace"
_SANS_EM: Final = 0.56
"""Width of a letter, in sizes of the font: somewhat more than common fonts take, so that words fit with all of them."""
_MONO_EM: Final = 0.61


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Those of a scheme. Words have a contrast of at least 4.5 to what they stand on."""

    name: str
    ink: str
    faint: str
    line: str
    box: str
    accent: str
    accent_box: str


LIGHT: Final = Colours(
    name="light", ink="#1b1f27", faint="#566072", line="#8b95a7", box="#f3f5f9", accent="#0f766e", accent_box="#d9f2ee"
)
DARK: Final = Colours(
    name="dark", ink="#e8ebf1", faint="#a3adbf", line="#6b7689", box="#1a1e29", accent="#5eead4", accent_box="#12302f"
)
SCHEMES: Final = (LIGHT, DARK)


def words_width(words: str, size: float, *, mono: bool = False) -> float:
    """How wide words will be, in units of the drawing; an estimate."""
    return len(words) * size * (_MONO_EM if mono else _SANS_EM)


class Drawing:
    """What is drawn comes in order, later things above earlier ones."""

    def __init__(self, width: float, height: float, colours: Colours, *, title: str) -> None:
        self.colours = colours
        self._size = f"{width:g}", f"{height:g}"
        self._title = title
        self._shapes: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, *, accent: bool = False, round_px: float = 8
    ) -> None:
        """A filled rectangle with a border."""
        fill = self.colours.accent_box if accent else self.colours.box
        stroke = self.colours.accent if accent else self.colours.line
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_px:g}"'
        self._shapes.append(f'<rect {place} fill="{fill}" stroke="{stroke}"/>')

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        anchor: Anchor = "start",
        mono: bool = False,
        bold: bool = False,
        colour: str | None = None,
    ) -> None:
        """One line of words, whose foot is at `y`."""
        look = f'font-family="{_MONO if mono else _SANS}" font-size="{size:g}" text-anchor="{anchor}"'
        weight = ' font-weight="600"' if bold else ""
        fill = colour or self.colours.ink
        self._shapes.append(f'<text x="{x:g}" y="{y:g}" {look}{weight} fill="{fill}">{escape(text)}</text>')

    def line(self, points: Sequence[tuple[float, float]], *, dashed: bool = False, arrow: bool = False) -> None:
        """A line through points, with a head at its end if it is an arrow."""
        dashes = ' stroke-dasharray="3 4"' if dashed else ""
        head = ' marker-end="url(#head)"' if arrow else ""
        colour = self.colours.accent if arrow else self.colours.line
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        width = 1.6 if arrow else 1
        self._shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}{head}/>'
        )

    def dot(self, x: float, y: float, radius: float) -> None:
        """A filled circle."""
        self._shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{self.colours.accent}"/>')

    def __str__(self) -> str:
        width, height = self._size
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        head = (
            f'<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
            f'<path d="M0 0 10 5 0 10z" fill="{self.colours.accent}"/></marker>'
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(self._title)}</title>",
                f"<defs>{head}</defs>",
                *self._shapes,
                "</svg>\n",
            ]
        )
