from __future__ import annotations

import json

import pytest

from duologue.errors import ConnectionClosed, DuologueError, EngineError, MissingExtra, RequestRejected
from duologue.events import ErrorEvent, RealtimeError
from duologue.printable import printable, printable_json, printable_name

CONTROLS = {
    "line feed": "\n",
    "carriage return": "\r",
    "terminal escape": "\x1b[2J",
    "bell": "\a",
    "delete": "\x7f",
    "control sequence of one character": "\x9b31m",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "right-to-left override": "\u202e",
    "right-to-left isolate": "\u2067",
    "invisible": "\u200b",
    "lone surrogate": "\ud800",
    "tag": "\U000e0041",
}
each_control = pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))


@each_control
def test_a_control_character_is_written_out(control: str) -> None:
    shown = printable(f"a{control}b")
    assert shown.isprintable()
    assert shown.startswith("a\\")
    assert shown.endswith("b")


def test_words_of_any_script_stay_as_they_are() -> None:
    text = "Grüße, 世界, שלום, 🎧 [bold] 100 %"
    assert printable(text) is text


def test_a_text_that_is_too_long_is_cut_and_shows_it() -> None:
    assert printable("abc", max_characters=3) == "abc"
    assert printable("abcd", max_characters=3) == "abc…"
    assert len(printable_name("x" * 10_000)) < 300


@each_control
def test_json_keeps_its_meaning_without_control_characters(control: str) -> None:
    shown = printable_json(json.dumps({"said": f"a{control}b"}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {"said": f"a{control}b"}


def _error(message: str) -> ErrorEvent:
    error = RealtimeError(type="server_error", code=None, message=message, param=None)
    return ErrorEvent(event_id="event_1", error=error)


@each_control
def test_an_exception_that_quotes_a_peer_is_one_printable_line(control: str) -> None:
    said = f"a{control}b"
    for fault in (
        DuologueError(said),
        ConnectionClosed(1000, said, error=_error(said)),
        RequestRejected("failed", error=_error(said)),
        EngineError("failed", engine="llm", quote=said),
        MissingExtra(said, extra="cli"),
    ):
        assert str(fault).isprintable(), fault
        assert f"{fault}".isprintable()
    assert ConnectionClosed(1000, said).reason == said


def test_an_exception_says_no_more_than_a_page_whatever_a_peer_said() -> None:
    assert len(str(ConnectionClosed(1000, "x" * 1_000_000))) <= 2001
