"""The timeline on a terminal: finished lines scroll up, open lines and meters are redrawn below them."""

from __future__ import annotations

import time
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from duologue.audio.levels import FLOOR_DBFS, level_dbfs
from duologue.cli.turns.audio_formats import SessionAudio
from duologue.cli.turns.observations import Observation, Progress
from duologue.cli.turns.words import Words
from duologue.cli.views.summary import Summary, lines_of
from duologue.cli.views.timeline import ARROWS, Timeline, TimelineLine
from duologue.cli.views.views import View
from duologue.errors import AudioError
from duologue.events import ResponseAudioDeltaEvent
from duologue.printable import printable

__all__ = ["LiveView"]

_STYLES: Final = {"sent": "cyan", "received": "green"}
_METER_CELLS: Final = 24
_BAR_CELLS: Final = 24
_NAME_CELLS: Final = 53
_WIDE_CELLS: Final = 120
"""Terminals from here on have room for names in a column of their own."""

_QUIETEST_DBFS: Final = -60.0
"""Left end of the meters: a quiet room."""

_FALL_DB: Final = 2.0
"""How much a peak falls at each tick."""


class LiveView(View):
    """Redraws its lower part at every tick. A context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        # rich's own refresh thread would draw while the event loop changes the data.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._timeline = Timeline()
        self._audio = SessionAudio()
        self._words = Words()
        self._progress: Progress | None = None
        self._heard_dbfs = FLOOR_DBFS
        self._began_s: float | None = None
        self._finished: list[Text] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._finished += map(self._text, self._timeline.close())
        self._print_finished()
        self._live.stop()

    def caption(self, text: str) -> None:
        """Show a line that is no event, and start a new turn."""
        self._finished += [*map(self._text, self._timeline.close()), Text(printable(text), style="bold")]
        self._words = Words()
        self._progress = None
        self._heard_dbfs = FLOOR_DBFS

    def observe(self, observation: Observation) -> None:
        """Add an event, shown at the next tick: drawing takes milliseconds, which would delay the next event."""
        event = observation.event
        if self._began_s is None:
            self._began_s = time.monotonic() - observation.at_s
        self._audio = self._audio.after(event)
        self._words.add(event)
        if isinstance(event, ResponseAudioDeltaEvent):
            self._heard_dbfs = max(self._heard_dbfs, _level_dbfs(event, self._audio))
        self._finished += map(self._text, self._timeline.push(observation))

    def show_progress(self, progress: Progress) -> None:
        """Set the progress, shown at the next tick."""
        self._progress = progress

    def tick(self) -> None:
        """Redraw the lower part."""
        self._print_finished()
        self._live.update(self._lower_part(), refresh=True)
        # Speech arrives faster than it plays, so the meter holds its peak and lets it fall.
        self._heard_dbfs = max(FLOOR_DBFS, self._heard_dbfs - _FALL_DB)

    def conclude(self, summary: Summary) -> None:
        """Print the summary."""
        lines = lines_of(summary)
        if lines:
            self._console.print(Rule(style="dim"))
        for label, text in lines:
            self._console.print(Text.assemble((f"{label:<12} ", "bold"), text))

    def _print_finished(self) -> None:
        if self._finished:
            self._console.print(Group(*self._finished))
            self._finished.clear()

    def _lower_part(self) -> RenderableType:
        rows: list[RenderableType] = [self._text(line) for line in self._timeline.open]
        elapsed = "" if self._began_s is None else f"{time.monotonic() - self._began_s:.1f} s"
        rows.append(Rule(elapsed, style="dim", align="left"))
        rows.append(Text.assemble(("you     ", "bold cyan"), _tail(self._words.user, self._console.width - 9)))
        rows.append(Text.assemble(("server  ", "bold green"), _tail(self._words.server, self._console.width - 9)))
        if (progress := self._progress) is not None:
            sent = _bar(progress.sent_ms / max(1, progress.total_ms), _BAR_CELLS)
            rows.append(
                Text.assemble(
                    ("sending ", "dim"),
                    (sent, "cyan"),
                    f" {progress.sent_ms / 1000:.1f} of {progress.total_ms / 1000:.1f} s",
                )
            )
            rows.append(_meter("you", progress.level_dbfs, "cyan"))
        if self._heard_dbfs > _QUIETEST_DBFS:
            rows.append(_meter("server", self._heard_dbfs, "green"))
        return Group(*rows)

    def _text(self, line: TimelineLine) -> Text:
        style = "red" if line.odd else _STYLES[line.direction]
        name_cells = _NAME_CELLS if self._console.width >= _WIDE_CELLS else 0
        return Text.assemble(
            (f"{line.at_s:8.3f} ", "dim"),
            (f"{ARROWS[line.direction]} {line.name:<{name_cells}}", style),
            f"  {line.saying}",
            no_wrap=True,
            overflow="ellipsis",
        )


def _meter(whose: str, level: float, style: str) -> Text:
    share = (max(level, _QUIETEST_DBFS) - _QUIETEST_DBFS) / -_QUIETEST_DBFS
    return Text.assemble(("level   ", "dim"), (_bar(share, _METER_CELLS), style), f" {level:.0f} dBFS {whose}")


def _bar(share: float, cells: int) -> str:
    full = round(min(max(share, 0.0), 1.0) * cells)
    return "█" * full + "░" * (cells - full)


def _tail(text: str, cells: int) -> str:
    """The end of the text, which has the newest words."""
    shown = printable(text)
    return shown if len(shown) <= cells else "…" + shown[len(shown) - max(1, cells - 1) :]


def _level_dbfs(event: ResponseAudioDeltaEvent, audio: SessionAudio) -> float:
    try:
        return level_dbfs(audio.output.to_pcm16(event.decode_audio()))
    except (ValueError, AudioError):
        return FLOOR_DBFS  # a damaged piece shows in the timeline and in the file, not in the meter
