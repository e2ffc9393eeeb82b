"""Pictures of what the command shows in a terminal: the command runs, and its terminal is kept as SVG.

python -m website.terminals          writes docs/pictures/demo.svg
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from duologue.cli.call.call import Call, CallOptions, hold_call
from duologue.cli.commands.demo import check_turn, speech
from duologue.cli.views.live import LiveView
from duologue.cli.views.summary import Summary, lines_of
from website.pages import ROOT

__all__ = ["take_demo"]

_CELLS: Final = 124
"""Terminals from 120 cells on have room for names in a column of their own."""
_SHOWN_CELLS: Final = 102
"""No line of a turn is longer: the rest would be empty."""

_THEME: Final = TerminalTheme(
    (14, 17, 24),
    (222, 227, 236),
    [(90, 98, 112), (248, 113, 113), (94, 224, 160), (250, 204, 21),
     (96, 165, 250), (232, 121, 249), (94, 214, 236), (222, 227, 236)],
)  # fmt: skip
"""The sixteen colours of a terminal, of which the command names some; each can be read on the first one."""

_FORMAT: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>A turn of duologue demo, as the terminal shows it</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "SF Mono", "DejaVu Sans Mono", Consolas, monospace; }}
.{unique_id}-title {{ font: 600 18px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
"""As the one of the library, without fonts that are fetched."""


class _TurnView(LiveView):
    """What stays on the terminal when a turn is over."""

    def tick(self) -> None:
        """Nothing: what is redrawn later does not stay."""

    def conclude(self, summary: Summary) -> None:
        """The words and the delays; the counts of events fill a page."""
        for label, text in _turn_lines(lines_of(summary)):
            self._console.print(Text.assemble((f"{label:<12} ", "bold"), text))


def _turn_lines(lines: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for label, text in lines:
        if label == "sent":
            return
        if label:
            yield label, text


def take_demo(target: Path) -> None:
    """Hold the first turn of `duologue demo` and write what its terminal shows."""
    console = Console(
        record=True, width=_CELLS, file=StringIO(), force_terminal=True, highlight=False, legacy_windows=False
    )

    async def talk(call: Call) -> None:
        for number, (_, source, sound) in enumerate(islice(speech(), 1), 1):
            check_turn(await call.spoken_turn(sound, caption=f"turn {number}: {source}"), number)

    with tempfile.TemporaryDirectory() as folder:
        options = CallOptions(recording_file=Path(folder) / "session.jsonl", model="demo")
        failed = asyncio.run(hold_call(options, _TurnView(console), talk))
    if failed:
        raise SystemExit(f"the demo ended with {failed}:\n{console.export_text()}")
    console.width = _SHOWN_CELLS
    picture = console.export_svg(title="duologue demo", theme=_THEME, code_format=_FORMAT, unique_id="demo")
    target.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    take_demo(ROOT / "docs" / "pictures" / "demo.svg")
