"""The printed findings of `duologue conform`."""

from __future__ import annotations

import json

import pytest

from duologue.cli.views.conform import print_json, print_matrix
from duologue.conformance import Report, rules


def test_the_pages_of_the_rules_that_fail_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(asked=("one_done", "error.speed"))
    report.record("one_done", "passed")
    report.record("error.speed", "failed", "it is carried out")
    print_matrix(report)
    printed = capsys.readouterr().out
    assert f"  Limits: {rules()['error.speed'].links[0]}\n" in printed
    assert rules()["one_done"].links[0] not in printed


def test_what_a_server_says_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(asked=("one_done",))
    report.record("one_done", "failed", "resp_\x1b[2J: response.done comes 2 times")
    print_matrix(report)
    assert "\x1b" not in capsys.readouterr().out
    print_json(report)
    assert json.loads(capsys.readouterr().out)["holds"] is False
