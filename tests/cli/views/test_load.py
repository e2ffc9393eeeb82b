"""Levels as a table."""

from __future__ import annotations

from duologue.cli.views.load import COLUMNS, cells_of, load_json, table_lines
from duologue.load.report import report_of
from duologue.load.samples import LevelSamples
from tests.load.test_report import samples


def test_a_level_is_a_row_and_what_there_is_to_say_stands_below() -> None:
    level = report_of(samples(*[512.4] * 20, lost=2, late_ms=9.0), calls=2)
    lines = table_lines([level])
    assert lines[0].split()[:4] == ["calls", "up", "turns", "lost"]
    assert lines[1].split()[:7] == ["2", "2", "22", "2", "512", "512", "–"]
    assert lines[2].strip().startswith("not measured: the generator was late itself")
    assert lines[3].strip() == "2 of 22 turns were not answered"
    assert len(cells_of(level)) == len(COLUMNS)


def test_words_of_a_server_are_printable_and_a_rate_is_shown_as_one() -> None:
    made = LevelSamples(errors={"\x1b[31mred": 1}, refused={}, unheard_barge_ins=1)
    lines = table_lines([report_of(made, calls=9, rate_per_s=0.5)])
    assert lines[1].split()[0] == "0.5/s"
    assert all(line.isprintable() for line in lines)
    assert "1 interruption came to nothing" in lines[-1]


def test_json_has_every_figure() -> None:
    shown = load_json([report_of(samples(100.0, 200.0), calls=2)], url="ws://h")
    assert shown["url"] == "ws://h"
    assert shown["levels"][0]["first_audio"] == {"count": 2, "p50": 100.0, "p95": None, "p99": None, "max": 200.0}
