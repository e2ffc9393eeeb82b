"""What a test that does not fit its cassette is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duologue.testing.cassettes import failures
from duologue.testing.cassettes.player import ConnectionPlayer
from tests.testing.cassettes._tape import GREETING, Tape, append, text


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape.jsonl")


def told(tape: Tape, *messages: dict[str, Any] | str) -> str:
    player = ConnectionPlayer(tape.socket())
    for message in messages:
        player.receive(text(message))
    assert player.fault is not None
    return failures.of_mismatch("tape.jsonl", player, player.fault)


def test_another_field(tape: Tape) -> None:
    tape.server(GREETING).client("a", append(500), {"type": "session.update", "session": {"instructions": "Be brief."}})
    assert told(tape, "a", append(500), {"type": "session.update", "session": {"instructions": "Be kind."}}) == (
        "tape.jsonl: event 2 of the client is not the recorded one (line 5 of the recording).\n"
        "  recorded: session.update\n"
        "  came:     session.update\n"
        '    session.instructions: "Be brief." was recorded, and "Be kind." came\n'
        "  before:   a, input audio up to 0.50 s\n"
        "  If this may differ: ignore=['session.instructions'].\n"
        "  If the recording is out of date: record it again."
    )


def test_another_event(tape: Tape) -> None:
    assert told(tape.client("a", "b", "c"), "b") == (
        "tape.jsonl: event 1 of the client is not the recorded one (line 2 of the recording).\n"
        "  recorded: a\n"
        "  came:     b\n"
        "  recorded after it: b, c\n"
        "  If the recording is out of date: record it again."
    )


def test_an_event_more(tape: Tape) -> None:
    assert told(tape.client("a"), "a", "b") == (
        "tape.jsonl: event 2 of the client is not the recorded one (the recording is over).\n"
        "  recorded: (nothing more)\n"
        "  came:     b\n"
        "  before:   a\n"
        "  If the recording is out of date: record it again."
    )


def test_less_audio(tape: Tape) -> None:
    lines = told(tape.client(append(1000), "input_audio_buffer.commit"), "input_audio_buffer.commit").splitlines()
    assert lines[3] == "    input audio: 1.00 s was recorded before this event, and 0.00 s came"
    assert not any("ignore" in line for line in lines)


def test_many_differences_are_counted(tape: Tape) -> None:
    recorded, came = ({"type": "a", **dict.fromkeys("bcdefghi", value)} for value in (1, 2))
    lines = told(tape.client(recorded), came).splitlines()
    assert lines[8] == "    and 3 more fields"


def test_what_comes_from_outside_is_printable(tape: Tape) -> None:
    words = told(tape.client({"type": "a", "b\x1b": 1}), {"type": "a", "b\x1b": "\x1b[2J\u202e" + "x" * 1000})
    assert words.replace("\n", "").isprintable()
    assert max(map(len, words.splitlines())) < 250


def test_silence(tape: Tape) -> None:
    tape.server(GREETING).client("a", append(800)).server("input_audio_buffer.speech_started")
    player = ConnectionPlayer(tape.socket())
    player.take_due()
    assert failures.of_silence("tape.jsonl", player, 10) == (
        "tape.jsonl: the client has sent nothing for 10 s. The server waits for a (line 3 of the recording), and then"
        " sends input_audio_buffer.speech_started.\n"
        "  came: 0 of 1 recorded events of the client"
    )
    player.receive(text("a"))
    assert "The server waits for 0.70 s more of input audio, and then sends" in failures.of_silence("t", player, 10)


def test_how_far_it_has_come(tape: Tape) -> None:
    tape.server(GREETING).client("a").server("b").closed(4000, by="server")
    player = ConnectionPlayer(tape.socket())
    player.take_due()
    assert failures.of_state("t", player) == (
        "t: 0 of 1 recorded events of the client came, 1 of 3 of the server were sent;"
        " the server waits for a (line 3 of the recording)"
    )
    player.receive(text("a"))
    player.take_due()
    assert failures.of_state("t", player) == (
        "t: 1 of 1 recorded events of the client came, 3 of 3 of the server were sent"
    )


def test_a_later_connection_is_named(tape: Tape) -> None:
    socket = tape.connected().client("a").closed(4000, by="server").socket()
    player = ConnectionPlayer(socket)
    assert failures.of_silence("t", player, 1).startswith("t, connection 2: the client")
    assert failures.of_silence("t", player, 1).splitlines()[0].endswith("sends a close with code 4000.")
    assert failures.of_rest("t", player).startswith("t, connection 2: the client left")


def test_long_lists_are_cut() -> None:
    words = failures.of_requests("t", "GET /", [f"GET /{number}" for number in range(9)])
    assert words.endswith("GET /0, GET /1, GET /2, GET /3, GET /4, GET /5 and 3 more.")


def test_a_connection_without_a_place() -> None:
    assert failures.never_opened("t", None, 2) == "t: connection 2 was recorded, and the client did not open it."
