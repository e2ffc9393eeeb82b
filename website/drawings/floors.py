"""The floors of the package, from the contract that holds the imports to them; what a room is, its docstring says."""

from __future__ import annotations

import ast
import textwrap
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from website.drawings.svg import Colours, Drawing

__all__ = ["draw_floors"]

_WIDTH: Final = 960
_LOW: Final = 34
"""A row of one room, whose sentence stands beside its name."""
_HIGH: Final = 66
_GAP: Final = 10
_LETTER: Final = 6.4
"""Of the small words, in units of the drawing."""


class Room(NamedTuple):
    """A package or module of the topmost level, and what it is in a sentence."""

    name: str
    about: str


def draw_floors(root: Path, colours: Colours) -> Drawing:
    """A row for each layer of the first contract in pyproject.toml; nothing imports from a row above its own."""
    floors = _floors(root)
    heights = [_LOW if len(rooms) == 1 else _HIGH for rooms in floors]
    height = sum(heights) + _GAP * len(heights) + 22
    drawing = Drawing(
        _WIDTH, height, colours, title="The floors of duologue: a room imports only from rooms below its own"
    )
    y = 1.0
    for rooms, tall in zip(floors, heights, strict=True):
        width = (_WIDTH - _GAP * (len(rooms) - 1) - 2) / len(rooms)
        for place, room in enumerate(rooms):
            _room(drawing, place * (width + _GAP) + 1, y, (width, tall), room)
        y += tall + _GAP
    drawing.words(
        _WIDTH / 2, height - 6, "imports go downwards; rooms side by side do not know each other",
        size=12, anchor="middle", colour=colours.faint,
    )  # fmt: skip
    return drawing


def _room(drawing: Drawing, x: float, y: float, size: tuple[float, float], room: Room) -> None:
    width, height = size
    drawing.box(x, y, width, height, accent=room.name in ("client", "server"))
    drawing.words(x + 14, y + 22, room.name, size=14, mono=True, bold=True)
    if height == _LOW:
        drawing.words(x + 130, y + 22, room.about, size=12, colour=drawing.colours.faint)
        return
    letters = int((width - 28) / _LETTER)
    about = room.about if len(room.about) < 2 * letters else room.about.split(":")[0].split(";")[0]
    for number, line in enumerate(textwrap.wrap(about, letters, max_lines=2, placeholder=" …")):
        drawing.words(x + 14, y + 40 + 15 * number, line, size=12, colour=drawing.colours.faint)


def _floors(root: Path) -> list[list[Room]]:
    contracts: list[dict[str, Any]] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    layers: list[str] = next(each["layers"] for each in contracts if each.get("containers") == ["duologue"])
    rows = [[name.strip(" ()") for name in layer.split("|")] for layer in layers]
    package = root / "src" / "duologue"
    return [[Room(name, _about(package, name)) for name in row] for row in rows if row != ["__main__"]]


def _about(package: Path, name: str) -> str:
    """The first sentence of its docstring."""
    folder = package / name
    path = folder / "__init__.py" if folder.is_dir() else package / f"{name}.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(said.split("\n\n")[0].split())
    return sentence.split(". ")[0].rstrip(".").replace("`", "")
