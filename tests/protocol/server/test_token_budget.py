"""Tokens per minute: reported after each response, filled up with time, and kept."""

from __future__ import annotations

import pytest

from duologue.protocol import Respond, SessionDefaults
from duologue.testing import Pair
from tests.protocol._wire import client_event, create, respond, types, user_text

TEXT = {"output_modalities": ["text"]}


@pytest.fixture
def frugal() -> Pair:
    """A session that may use 60 tokens a minute, one a second."""
    pair = Pair(SessionDefaults(tokens_per_minute=60))
    pair.connect()
    return pair


def answer(pair: Pair, tokens: int) -> dict[str, object]:
    """A response that writes so many tokens; the rate limit that the client gets."""
    pair.send(respond(conversation="none", input=[], **TEXT))
    pair.responds("x" * 4 * tokens)
    *_, done, limits = pair.finishes()
    assert (done.type, limits.type) == ("response.done", "rate_limits.updated")
    [tokens_left] = limits.to_json()["rate_limits"]
    return dict(tokens_left)


def test_the_balance_is_reported_after_each_response(frugal: Pair) -> None:
    assert answer(frugal, 10) == {"name": "tokens", "limit": 60, "remaining": 50, "reset_seconds": 10.0}
    frugal.advance(4)
    assert answer(frugal, 20) == {"name": "tokens", "limit": 60, "remaining": 34, "reset_seconds": 26.0}
    frugal.advance(600)
    assert answer(frugal, 1) == {"name": "tokens", "limit": 60, "remaining": 59, "reset_seconds": 1.0}


def test_a_response_that_would_begin_in_debt_fails_and_says_when_it_would_not(frugal: Pair) -> None:
    assert answer(frugal, 90)["remaining"] == 0
    created, done, limits = frugal.send(respond())
    assert types([created, limits]) == ["response.created", "rate_limits.updated"]
    response = done.to_json()["response"]
    error = response["status_details"]["error"]
    assert (response["status"], error["code"]) == ("failed", "rate_limit_exceeded")
    assert "30.000s" in error["message"]
    assert response["usage"]["total_tokens"] == 0
    frugal.advance(30)
    assert types(frugal.send(respond())) == ["response.created"]


@pytest.mark.parametrize("end", ["response.cancel", "fails"])
def test_the_balance_is_reported_however_a_response_ends(frugal: Pair, end: str) -> None:
    frugal.send(respond())
    events = frugal.fails("broken") if end == "fails" else frugal.send(client_event(end))
    assert types(events)[-2:] == ["response.done", "rate_limits.updated"]


def test_what_a_response_reads_counts_too(frugal: Pair) -> None:
    frugal.send(create(user_text("x" * 40)), respond(**TEXT))
    frugal.take(Respond)
    limits = frugal.finishes()[-1].to_json()["rate_limits"]
    assert limits[0]["remaining"] == 50


def test_without_a_limit_nothing_is_reported(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.finishes())[-1] == "response.done"
