"""What is printed."""

from __future__ import annotations

import pytest

from duologue.cli.doctor.step_result import StepResult
from duologue.cli.views.doctor import DoctorView, doctor_json

ROWS = [
    StepResult(step="tcp", outcome="ok", tried="connect", happened="connected", took_ms=3),
    StepResult(step="http", outcome="note", tried="ask", happened="slow", remedy="move nearer", facts={"status": 1}),
    StepResult(step="live", outcome="skipped", tried="open", happened="none here"),
]
FAILED = StepResult(step="websocket", outcome="failed", tried="open", happened="refused", remedy="give a key")


def printed(rows: list[StepResult], capsys: pytest.CaptureFixture[str]) -> list[str]:
    view = DoctorView("ws://voice.example")
    for row in rows:
        view.show(row)
    view.conclude(rows)
    return capsys.readouterr().out.splitlines()


def test_a_row_for_each_step_and_what_to_do_below(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.rstrip() for line in printed([*ROWS, FAILED], capsys)] == [
        "ws://voice.example",
        "✓ tcp         connect: connected",
        "! http        ask: slow",
        "              → move nearer",
        "– live        open: none here",
        "✗ websocket   open: refused",
        "              → give a key",
        "",
        "1 of 3 steps failed: websocket.",
    ]


def test_the_verdict_counts_notes(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(ROWS, capsys)[-1] == "All 2 steps went well; 1 with something to know."
    assert printed(ROWS[:1], capsys)[-1] == "All 1 steps went well."


def test_json_has_everything() -> None:
    content = doctor_json("ws://voice.example", [*ROWS, FAILED])
    assert content["ok"] is False
    assert content["steps"][1] == {
        "step": "http",
        "outcome": "note",
        "tried": "ask",
        "happened": "slow",
        "remedy": "move nearer",
        "took_ms": None,
        "facts": {"status": 1},
    }
