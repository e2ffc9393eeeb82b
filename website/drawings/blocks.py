"""Which blocks of text in the pages are drawings on the site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from duologue.protocol.state_diagrams import TABLES
from website.drawings.floors import draw_floors
from website.drawings.states import draw_states
from website.drawings.svg import SCHEMES

__all__ = ["Drawn", "drawn_blocks"]

_FIRST_BLOCK: Final = re.compile(r"^```text\n.*?^```$", re.MULTILINE | re.DOTALL)
_NEXT_DIAGRAM: Final = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
"""Of those that are left: the page has them in the order of the tables."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A block of a page that a picture stands for."""

    source: str
    """The file of the page, from the root of the repository."""
    block: re.Pattern[str]
    """The block, from its first fence to its last."""
    words: str
    """What the picture shows, for who does not see it."""
    pictures: Mapping[str, str]
    """Two files, by their names: "NAME-light.svg" and "NAME-dark.svg"."""

    def replaced(self, text: str) -> str:
        """The page with the picture in the place of the block."""
        name = next(iter(self.pictures))
        up = "../" * (self.source.count("/") - 1)
        changed, count = self.block.subn(f"![{self.words}]({up}pictures/{name})", text, count=1)
        if count != 1:
            raise ValueError(f"{self.source} has no block that {name} is drawn for: change website/drawings/blocks.py")
        return changed


def drawn_blocks(root: Path) -> list[Drawn]:
    """All of them, drawn."""
    floors = {f"floors-{colours.name}.svg": str(draw_floors(root, colours)) for colours in SCHEMES}
    blocks = [
        Drawn(
            source="docs/architecture.md",
            block=_FIRST_BLOCK,
            words="The rooms of duologue on their floors; a room imports only from rooms below its own",
            pictures=floors,
        )
    ]
    for title, table, _ in TABLES:
        name = re.sub(r"\W+", "-", title.lower())
        blocks.append(
            Drawn(
                source="docs/reference/states.md",
                block=_NEXT_DIAGRAM,
                words=f"{title}: states as columns, and an arrow for each transition of the table below",
                pictures={
                    f"states-{name}-{colours.name}.svg": str(draw_states(title, table, colours)) for colours in SCHEMES
                },
            )
        )
    return blocks
