"""A whole recording, as a server has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from duologue.testing.cassettes.cassette import Cassette, CassetteAnswer
from duologue.testing.cassettes.player import ConnectionPlayer, Match
from tests.testing.cassettes._tape import GREETING, Tape, text

PLACE = "/v1/realtime?model=m"
SECRETS = "/v1/realtime/client_secrets"


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape.jsonl")


def playing(tape: Tape, match: Match = "strict", **options: Any) -> Cassette:
    return Cassette(tape.done(), name="tape", match=match, **options)


def opened(cassette: Cassette, target: str = PLACE) -> ConnectionPlayer:
    player = cassette.open(target)
    assert isinstance(player, ConnectionPlayer), player
    return player


def test_each_connection_is_played_once_in_their_order(tape: Tape) -> None:
    cassette = playing(tape.server(GREETING).connected().server("second"))
    assert [opened(cassette).socket.number, opened(cassette).socket.number] == [1, 2]
    answer = cassette.open(PLACE)
    assert isinstance(answer, CassetteAnswer)
    assert (answer.status, json.loads(answer.body)["error"]["message"]) == (404, cassette.faults[0])
    assert cassette.faults == [f"tape: the client opens {PLACE}, and all recorded connections have been played."]


def test_the_place_says_which_connection_it_is(tape: Tape) -> None:
    cassette = playing(tape.server(GREETING).connected("wss://api.example.com/v1/realtime?model=n").server("a"))
    assert opened(cassette, "/v1/realtime?model=n").socket.number == 2
    assert opened(cassette, "/v1/realtime?model=m&api_key=sk-1").socket.number == 1


def test_another_model_is_a_fault_unless_fields_may_differ(tape: Tape) -> None:
    tape.server(GREETING)
    cassette = playing(tape)
    assert isinstance(cassette.open("/v1/realtime?model=other"), CassetteAnswer)
    assert cassette.faults == [
        f"tape: the client opens /v1/realtime?model=other, and the next one recorded is {PLACE}."
    ]
    assert opened(playing(tape, "types"), "/v1/realtime?model=other").socket.number == 1


def test_a_refusal_is_played(tape: Tape) -> None:
    tape.exchange("GET", PLACE, asks_for_socket=True, status=429, answer={"error": {"message": "later"}})
    cassette = playing(tape.server(GREETING))
    assert cassette.open(PLACE) == CassetteAnswer(status=429, body=b'{"error":{"message":"later"}}')
    assert opened(cassette).socket.number == 1
    assert cassette.finish() == []


def test_a_request_is_answered_with_something_in_the_place_of_a_secret(tape: Tape) -> None:
    answer = {"value": "ek_" + "a" * 20, "expires_at": 100}
    cassette = playing(tape.exchange("POST", SECRETS, request={"session": {"type": "realtime"}}, answer=answer))
    got = cassette.request("POST", SECRETS, b'{"session":{"type":"realtime"}}')
    assert json.loads(got.body) == {"value": "ek_" + "0" * 20, "expires_at": 100}
    assert cassette.faults == []


@pytest.mark.parametrize(("answer", "content"), [(None, b""), ("v=0 sdp", b"v=0 sdp"), ([1], b"[1]")])
def test_answers_of_any_kind(tape: Tape, answer: Any, content: bytes) -> None:
    cassette = playing(tape.exchange("DELETE", "/v1/thing", status=204, answer=answer))
    got = cassette.request("DELETE", "/v1/thing", b"")
    assert (got.status, got.body) == (204, content)


def test_another_request_is_a_fault(tape: Tape) -> None:
    tape.exchange("POST", SECRETS, request={"session": {"type": "realtime"}}, answer={})
    cassette = playing(tape)
    assert cassette.request("GET", "/v1/models", b"").status == 404
    assert cassette.request("POST", SECRETS, b"no JSON").status == 404
    assert (
        cassette.faults[0]
        == f"tape: the client asks for GET /v1/models, and recorded and not yet played: POST {SECRETS}."
    )
    assert 'request: {"session":{"type":"realtime"}} was recorded, and "no JSON" came' in cassette.faults[1]
    assert cassette.request("POST", SECRETS, b"").status == 404
    assert cassette.faults[2].endswith("and no other request was recorded.")


def test_of_types_requests_may_have_another_body(tape: Tape) -> None:
    cassette = playing(tape.exchange("POST", SECRETS, request={"a": 1}, answer={}), "types")
    assert cassette.request("POST", SECRETS, b'{"a":2}').status == 200


def test_it_knows_what_was_recorded_and_is_left(tape: Tape) -> None:
    cassette = playing(tape.exchange("POST", SECRETS, answer={}).server(GREETING))
    assert cassette.knows("GET", PLACE, is_socket=True)
    assert cassette.knows("POST", SECRETS, is_socket=False)
    assert not cassette.knows("GET", SECRETS, is_socket=False)
    opened(cassette)
    assert not cassette.knows("GET", PLACE, is_socket=True)


def test_it_can_be_played_again(tape: Tape) -> None:
    cassette = playing(tape.exchange("GET", "/v1/models", answer={}).server(GREETING))
    for _ in range(2):
        opened(cassette)
        assert cassette.request("GET", "/v1/models", b"").status == 200
        cassette.rewind()
    assert cassette.finish() != []


def test_who_watches_is_told_of_each_fault(tape: Tape) -> None:
    cassette, told = playing(tape.server(GREETING)), list[str]()
    cassette.watch = told.append
    cassette.open("/other")
    assert told == cassette.faults


def test_at_the_end_all_that_was_recorded_must_have_come(tape: Tape) -> None:
    tape.client("a", "b", "c").connected().server(GREETING)
    cassette = playing(tape)
    opened(cassette).receive(text("a"))
    assert cassette.finish() == [
        "tape: the client left before the end. It sent 1 of 3 recorded events; these did not come: b, c"
        " (line 3 of the recording).",
        f"tape: connection 2 to {PLACE} was recorded, and the client did not open it.",
    ]


def test_messages_of_the_server_may_be_left(tape: Tape) -> None:
    cassette = playing(tape.server(GREETING, "a").client("b").server("c"))
    opened(cassette).receive(text("b"))
    assert cassette.finish() == []


def test_what_follows_from_a_fault_is_not_told(tape: Tape) -> None:
    cassette = playing(tape.client("a", "b").connected().server(GREETING))
    player = opened(cassette)
    player.receive(text("x"))
    words = cassette.mismatch(player)
    assert cassette.finish() == [words]


def test_a_client_that_comes_again_and_again_fills_no_memory(tape: Tape) -> None:
    cassette = playing(tape.server(GREETING))
    for _ in range(100):
        cassette.open("/other")
    assert len(cassette.faults) == 20


def test_what_ended_after_an_hour_ends_an_hour_from_now(tape: Tape) -> None:
    tape.exchange("POST", SECRETS, answer={"expires_at": 50})
    tape.server({"type": "session.created", "session": {"expires_at": 3600}})
    recorded_at_s = datetime.now(UTC).timestamp()
    cassette = playing(tape, unix_now_s=recorded_at_s + 1000)
    [created] = opened(cassette).take_due()
    assert 4598 <= json.loads(created.what)["session"]["expires_at"] <= 4601  # type: ignore[arg-type]  # a text
    assert 1048 <= json.loads(cassette.request("POST", SECRETS, b"").body)["expires_at"] <= 1051


def test_wrong_arguments_are_errors(tape: Tape) -> None:
    with pytest.raises(ValueError, match="match is one of"):
        playing(tape.server(GREETING), "loose")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names no field"):
        playing(tape, ignore=[""])
