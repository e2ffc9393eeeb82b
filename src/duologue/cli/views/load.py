"""Levels of `duologue load` as a table for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from duologue.load import DelayFigures, LevelReport
from duologue.printable import printable

__all__ = ["COLUMNS", "cells_of", "level_notes", "load_json", "table_lines"]

COLUMNS: Final = (
    "calls",
    "up",
    "turns",
    "lost",
    "first audio p50",
    "p95",
    "p99",
    "max",
    "speech heard p50",
    "barge-in p50",
    "max",
    "transcript p50",
    "underruns",
    "connect p95",
    "sent kB/s",
    "received kB/s",
    "late p99",
)
"""Delays are in milliseconds."""

_NONE: Final = "–"


def cells_of(level: LevelReport) -> list[str]:
    """A row of the table."""
    first, cut = level.first_audio, level.barge_in
    calls = str(level.calls) if level.rate_per_s is None else f"{level.rate_per_s:g}/s"
    return [
        calls,
        f"{level.calls_up:g}",
        str(level.turns),
        str(level.lost),
        *(_value(first, name) for name in ("p50", "p95", "p99", "max")),
        _value(level.speech_heard, "p50"),
        _value(cut, "p50"),
        _value(cut, "max"),
        _value(level.transcript, "p50"),
        str(level.underruns),
        _value(level.connect, "p95"),
        f"{level.sent_kb_per_s:.0f}",
        f"{level.received_kb_per_s:.0f}",
        _NONE if level.generator_late_p99_ms is None else f"{level.generator_late_p99_ms:.1f}",
    ]


def table_lines(levels: Sequence[LevelReport]) -> list[str]:
    """The table, with a line below each level of which there is something to say."""
    rows = [list(COLUMNS), *(cells_of(level) for level in levels)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(rows[0], widths, strict=True))]
    for level, row in zip(levels, rows[1:], strict=True):
        lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        lines += [f"{'':>{widths[0]}}  {printable(note)}" for note in level_notes(level)]
    return lines


def level_notes(level: LevelReport) -> list[str]:
    """What there is to say about a level."""
    notes = [f"not measured: {level.not_measured}"] if level.not_measured else []
    notes += level.failures
    if level.unheard_barge_ins:
        several = "" if level.unheard_barge_ins == 1 else "s"
        notes.append(f"{level.unheard_barge_ins} interruption{several} came to nothing: the answer was over before")
    return notes


def load_json(levels: Sequence[LevelReport], **about: Any) -> dict[str, Any]:
    """All of it as JSON-ready data."""
    return {**about, "levels": [level.to_json() for level in levels]}


def _value(figures: DelayFigures | None, name: str) -> str:
    value = getattr(figures, name) if figures is not None else None
    return _NONE if value is None else f"{value:.0f}"
