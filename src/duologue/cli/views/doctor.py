"""Prints what `duologue doctor` finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duologue.cli.doctor.step_result import StepOutcome, StepResult
from duologue.printable import printable

__all__ = ["DoctorView", "doctor_json"]

_SIGNS: Final[Mapping[StepOutcome, tuple[str, str]]] = {
    "ok": ("✓", "green"),
    "note": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "skipped": ("–", "dim"),
}
_WIDE: Final = 200
"""Columns without a terminal: one line for each row can be searched."""

_STEP_WIDTH: Final = 11
"""Of the longest name of a step."""


class DoctorView:
    """Rows on standard output, each as soon as it is known."""

    def __init__(self, url: str) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _WIDE
        self._console.print(Text(printable(url), "bold"), soft_wrap=True)

    def show(self, row: StepResult) -> None:
        """One row: what was tried, what happened, and below it what to do."""
        sign, style = _SIGNS[row.outcome]
        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=_STEP_WIDTH)
        table.add_column(overflow="fold")
        words = Text(row.tried, "dim")
        if row.happened:
            words.append(": " if row.tried else "", "dim")
            words.append(row.happened, style if row.outcome in ("failed", "note") else "default")
        table.add_row(Text(sign, style), Text(row.step), words)
        if row.remedy:
            table.add_row(Text(), Text(), Text(f"→ {row.remedy}", "bold"))
        self._console.print(table)

    def conclude(self, rows: Sequence[StepResult]) -> None:
        """The verdict."""
        failed = [row.step for row in rows if row.outcome == "failed"]
        taken = sum(row.outcome != "skipped" for row in rows)
        if failed:
            verdict = f"{len(failed)} of {taken} steps failed: {', '.join(failed)}"
            self._console.print(Text(f"\n{verdict}.", "bold red"), soft_wrap=True)
        else:
            notes = sum(row.outcome == "note" for row in rows)
            verdict = f"All {taken} steps went well" + (f"; {notes} with something to know." if notes else ".")
            self._console.print(Text(f"\n{verdict}", "green"))


def doctor_json(url: str, rows: Sequence[StepResult]) -> dict[str, Any]:
    """All of it as JSON-ready data."""
    return {
        "url": printable(url),
        "ok": all(row.outcome != "failed" for row in rows),
        "steps": [
            {
                "step": row.step,
                "outcome": row.outcome,
                "tried": row.tried,
                "happened": row.happened,
                "remedy": row.remedy,
                "took_ms": row.took_ms,
                "facts": dict(row.facts),
            }
            for row in rows
        ],
    }
