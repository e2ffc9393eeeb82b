"""Recordings, arranged for being played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duologue.errors import RecordingError
from duologue.recording import ClosedLine, ExchangeLine, Side
from duologue.testing.cassettes.contents import RecordedSocket, place_of, read_contents
from tests.testing.cassettes._tape import GREETING, URL, Tape, append, item, text


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape.jsonl")


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_message_of_the_server_waits_for_what_the_client_had_sent_before_it(tmp_path: Path, side: Side) -> None:
    tape = Tape(tmp_path / "tape.jsonl", side=side)
    tape.server(GREETING).client("session.update", append(100)).server("session.updated")
    tape.client(append(20), "response.create").server("response.created")
    socket = tape.socket()
    assert [step.message.type for step in socket.client] == ["session.update", "response.create"]
    assert [(step.after_steps, step.after_audio_ms) for step in socket.server] == [(0, 0), (1, 100), (2, 120)]
    assert [step.audio_ms for step in socket.client] == [0, 120]
    assert socket.longest_piece_ms == 100


def test_the_audio_of_each_turn_is_counted_where_the_client_ends_it(tape: Tape) -> None:
    tape.client(append(100), append(50), "input_audio_buffer.commit", append(30), "input_audio_buffer.clear")
    assert [step.turn_audio_ms for step in tape.socket().client] == [150, 30]


def test_ids_belong_to_whom_they_came_from_first(tape: Tape) -> None:
    tape.client(item("item_client")).server({"type": "a", "item": {"id": "item_client", "call_id": "call_server"}})
    tape.client({"type": "b", "item_id": "call_server"})
    assert tape.socket().made_by_client == {"item_client"}


def test_only_events_that_may_change_are_kept_apart(tape: Tape) -> None:
    tape.server(GREETING, "response.created").client(item("item_client"))
    tape.server({"type": "a", "item_id": "item_client"}, {"type": "error", "error": {"message": "x"}}, b"\0")
    kept = [step.event["type"] for step in tape.socket().server if step.event is not None]
    assert kept == ["session.created", "a", "error"]


def test_a_close_of_the_server_or_the_network_is_played_and_one_of_the_client_is_not(tmp_path: Path) -> None:
    for by, expected in (("client", 0), ("server", 1), ("network", 1)):
        tape = Tape(tmp_path / f"{by}.jsonl").client("a")
        socket = tape.closed(1006, "gone", by=by).socket()  # type: ignore[arg-type]  # one of the three
        assert len([step for step in socket.server if isinstance(step.what, ClosedLine)]) == expected


def test_connections_and_refusals_stand_in_the_order_in_which_they_came(tape: Tape) -> None:
    tape.exchange("GET", "/v1/realtime?model=m", asks_for_socket=True, status=429, answer={"error": {}})
    tape.server(GREETING).connected("wss://api.example.com/v1/realtime?model=n").server(GREETING)
    tape.exchange("POST", "/v1/realtime/client_secrets", answer={"value": "x"})
    contents = tape.contents()
    assert [type(opening) for opening in contents.openings] == [ExchangeLine, RecordedSocket, RecordedSocket]
    places = [opening.place for opening in contents.openings if isinstance(opening, RecordedSocket)]
    assert places == ["/v1/realtime?model=m", "/v1/realtime?model=n"]
    assert [line.method for line in contents.requests] == ["POST"]
    assert contents.path == "/v1/realtime"


def test_a_recording_of_an_unknown_place_is_played_at_the_usual_one(tmp_path: Path) -> None:
    contents = Tape(tmp_path / "tape.jsonl", url=None).server(GREETING).contents()
    assert contents.path == "/v1/realtime"
    assert [getattr(opening, "place", "") for opening in contents.openings] == [None]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (URL, "/v1/realtime?model=m"),
        ("ws://h:1/v1/realtime?b=2&a=1", "/v1/realtime?a=1&b=2"),
        ("/v1/live/sessions", "/v1/live/sessions"),
        ("ws://h", "/"),
    ],
)
def test_a_place_is_a_path_and_a_query_in_order(url: str, place: str) -> None:
    assert place_of(url) == place


def test_the_server_answers_after_as_long_as_it_took_and_no_longer_than_20_ms(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    lines: list[tuple[float, str, Any]] = [
        (3.0, "received", GREETING),
        (4.0, "sent", "a"),
        (4.004, "received", "b"),
        (4.5, "received", "c"),
        (5.0, "sent", "d"),
        (6.0, "sent", append(20)),
        (9.0, "received", "e"),
    ]
    written = [f'{{"at_s":{at_s},"direction":"{way}","text":{_quoted(text(what))}}}' for at_s, way, what in lines]
    header = '{"duologue":"recording","version":2,"started_at":"","side":"client"}'
    path.write_text("\n".join([header, *written, ""]), encoding="utf-8")
    [socket] = read_contents(path).openings
    assert isinstance(socket, RecordedSocket)
    assert [round(step.pause_s, 4) for step in socket.server] == [0.01, 0.004, 0, 0.02]


def test_what_cannot_be_played_is_an_error(tmp_path: Path, tape: Tape) -> None:
    with pytest.raises(RecordingError, match="without messages: there is nothing to play"):
        tape.contents()
    cut = tape.client("a").done()
    cut.write_bytes(cut.read_bytes()[:-5])
    with pytest.raises(RecordingError, match="ends in the middle of a line: record it again"):
        read_contents(cut)
    with pytest.raises(RecordingError, match="cannot read"):
        read_contents(tmp_path / "missing.jsonl")


def _quoted(message: str) -> str:
    escaped = message.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
