from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest

from duologue.cli.log_format import LogFormat, start_logging
from duologue.server.telemetry.log import log_event
from tests.test_printable import CONTROLS

_FORMATS: tuple[LogFormat, ...] = ("text", "json")


@pytest.fixture(params=_FORMATS)
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What `duologue serve` would write on standard error."""
    stream, root = StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers = []
    monkeypatch.setattr("sys.stderr", stream)
    start_logging("info", request.param)
    yield stream
    root.handlers, level = before
    root.setLevel(level)


def _lines(log: StringIO) -> list[str]:
    text = log.getvalue()
    assert text.endswith("\n")
    return text[:-1].split("\n")


@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
def test_a_fact_of_a_peers_stays_on_its_line_and_does_nothing_to_a_terminal(log: StringIO, control: str) -> None:
    log_event(
        logging.WARNING, "let pass", session="sess_1", of=f"a{control}2026-01-01 INFO duologue.server: session opened"
    )
    (line,) = _lines(log)
    assert line.isprintable()
    if line.startswith("{"):
        assert json.loads(line)["event"] == "let pass"


@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
def test_a_line_of_another_library_stays_one_line(log: StringIO, control: str) -> None:
    logging.getLogger("another").warning("it said %s", f"a{control}b")
    (line,) = _lines(log)
    assert line.isprintable()


@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
def test_no_exception_forges_a_line(log: StringIO, control: str) -> None:
    log_event(
        logging.ERROR, "engine broke", fault=ValueError(f"a{control}2026-01-01 INFO duologue.server: all is well")
    )
    lines = _lines(log)
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if not line.startswith("    ")] == lines[:1]
    assert "all is well" in log.getvalue()


def test_a_fact_cannot_pass_for_another(log: StringIO) -> None:
    log_event(logging.INFO, "let pass", of='x session=sess_2 "', session="sess_1")
    (line,) = _lines(log)
    if line.startswith("{"):
        assert json.loads(line)["session"] == "sess_1"
    else:
        assert line.endswith(r'let pass of="x session=sess_2 \"" session=sess_1')


def test_a_line_is_bounded_however_much_a_peer_says(log: StringIO) -> None:
    log_event(logging.INFO, "no counterpart", fields="x" * 1_000_000)
    logging.getLogger("another").warning("y" * 1_000_000)
    try:
        raise ValueError("z" * 1_000_000)
    except ValueError as fault:
        log_event(logging.ERROR, "engine broke", fault=fault)
    assert len(log.getvalue()) < 60_000


def test_libraries_that_log_addresses_and_answers_are_below_our_own_log() -> None:
    talk = """
import logging
import subprocess
import sys
from duologue.cli.log_format import start_logging
start_logging("debug", "text")
for name in ("httpx", "httpcore", "httpcore.http11"):
    logging.getLogger(name).error("GET https://tools.example/mcp?key=secret")
logging.getLogger("duologue.server").warning("ours")
"""
    command = [sys.executable, "-c", talk]
    shown = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=20, check=True).stderr
    assert "ours" in shown
    assert "secret" not in shown
