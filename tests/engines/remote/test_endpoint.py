"""Requests below a URL: what is repeated, what is bounded, and what operators and callers are told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.engines.remote.endpoint import HttpService
from duologue.errors import EngineError
from tests.engines._stand_in import endpoint, http

KEY = "sk-do-not-tell"
OK = http("200 OK", b"fine")


@asynccontextmanager
async def service(url: str, **options: Any) -> AsyncGenerator[HttpService]:
    made = HttpService(url, engine="voice-1", service="the voice", api_key=KEY, **options)
    try:
        yield made
    finally:
        await made.aclose()


async def said(made: HttpService) -> bytes:
    async with made.post("speak", json={}) as response:
        return await made.whole(response, max_bytes=1_000)


@pytest.mark.parametrize("url", ["localhost:8080/v1", "http://", "http://host:port/v1", "ftp://host/v1"])
def test_a_string_that_is_no_address_is_an_error_at_once(url: str) -> None:
    with pytest.raises(EngineError, match=r"voice-1: .* is no address"):
        HttpService(url, engine="voice-1", service="the voice")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://h/v1", "http://h/v1/audio/speech"),
        ("http://h/v1/", "http://h/v1/audio/speech"),
        ("http://h", "http://h/audio/speech"),
        ("https://h:8/v1?api-version=1", "https://h:8/v1/audio/speech?api-version=1"),
    ],
)
async def test_paths_stand_below_the_url_and_its_query_stays(given: str, asked: str) -> None:
    async with service(given) as made:
        assert str(made.url_of("audio/speech")) == asked


AWAY = "the voice is not available; please try again in a moment"
REFUSES = "the voice refuses this server; its operator's log says why"


@pytest.mark.parametrize(
    ("answer", "for_operator", "for_caller"),
    [
        (http("401 No", b'{"error":{"message":"bad key"}}'), "answered 401: bad key (check the key)", REFUSES),
        (http("401 No", b""), "answered 401: no reason given (check the key)", REFUSES),
        (http("403 No", b'{"detail":"not yours"}'), "answered 403: not yours (its key may not do this)", REFUSES),
        (http("404 No", b'{"error":"no model"}'), "answered 404: no model (check its URL and the model)", REFUSES),
        (
            http("429 No", b'{"error":{"message":"slow down"}}'),
            "answered 429: slow down (its rate limit or its quota is used up)",
            "the voice is busy; please try again in a moment",
        ),
        (
            http("400 No", b'{"message":"x","error":"my words"}'),
            "answered 400",
            "the voice does not take this: my words",
        ),
        (
            http("422 No", b'{"detail":[{"msg":"too long","input":"my words"}]}'),
            "answered 422",
            "the voice does not take this: too long",
        ),
        (http("500 No", b'{"detail":"my words"}'), "answered 500", AWAY),
        (http("502 No", b"<html>"), "answered 502", AWAY),
        (http("200 OK\r\nContent-Encoding: gzip", b""), "sent a compressed answer, which it was asked not to do", AWAY),
        (http("200 OK\r\nContent-Length: 9", b"x"), "cannot be talked to: peer closed connection", AWAY),
        (http("200 OK", b"x" * 1_001), "sent an answer of more than 1000 bytes", AWAY),
        (b"nonsense\r\n\r\n", "cannot be talked to: illegal status line", AWAY),
        (b"", "cannot be talked to: Server disconnected", AWAY),
    ],
)
async def test_a_failure_is_a_sentence_for_the_operator_and_one_for_the_caller(
    answer: bytes, for_operator: str, for_caller: str
) -> None:
    async with endpoint(answer) as server, service(server.url) as made:
        with pytest.raises(EngineError) as caught:
            await said(made)
    assert caught.value.unquoted.startswith(f"voice-1: 127.0.0.1 {for_operator}")
    assert caught.value.for_client == for_caller
    assert "my words" not in caught.value.unquoted


async def test_a_key_that_an_endpoint_repeats_is_in_no_log_and_in_no_event() -> None:
    for status in ("401 No", "400 No"):
        answer = http(status, f'{{"error":{{"message":"Incorrect API key: {KEY}"}}}}'.encode())
        async with endpoint(answer) as server, service(server.url) as made:
            with pytest.raises(EngineError) as caught:
                await said(made)
        assert KEY not in caught.value.unquoted + caught.value.for_client + repr(caught.value.__cause__)
        assert caught.value.__context__ is None or KEY not in repr(caught.value.__context__)


async def test_an_endpoint_that_is_down_is_said_to_be() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with service(f"http://127.0.0.1:{taken.getsockname()[1]}/v1") as made:
            with pytest.raises(EngineError, match=r"127\.0\.0\.1 cannot be talked to: All connection attempts failed"):
                await said(made)
            with pytest.raises(EngineError, match="cannot be talked to"):
                await made.probe()


async def test_an_endpoint_that_keeps_silent_is_given_up() -> None:
    async with endpoint(b"", hold_open=True) as server, service(server.url, silence_s=0.01) as made:
        with pytest.raises(EngineError, match=r"127\.0\.0\.1 did not answer in time") as caught:
            await said(made)
        assert caught.value.for_client == AWAY
    assert len(server.heads) == 1, "what may still be computed is not asked for again"


async def test_an_answer_that_comes_byte_by_byte_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.remote.endpoint._ANSWER_S", 0.02)
    async with endpoint(http("200 OK", b"x"), hold_open=True) as server, service(server.url) as made:
        with pytest.raises(EngineError, match=r"took more than 0\.02 s for one answer"):
            await said(made)


# --- repetition


@pytest.mark.parametrize("first", [b"", http("503 No\r\nRetry-After: 0", b""), http("429 No\r\nRetry-After: 0", b"")])
async def test_a_request_without_an_answer_is_sent_once_more(first: bytes) -> None:
    async with endpoint(first, OK) as server, service(server.url) as made:
        assert await said(made) == b"fine"
    assert len(server.heads) == 2


@pytest.mark.parametrize(
    "answer",
    [
        http("500 No", b""),
        http("503 No", b""),
        http("503 No\r\nRetry-After: 60", b""),
        http("429 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT", b""),
        http("200 OK\r\nContent-Length: 9", b"x"),
    ],
)
async def test_an_answer_that_has_begun_or_says_no_is_not_asked_for_again(answer: bytes) -> None:
    async with endpoint(answer, OK) as server, service(server.url) as made:
        with pytest.raises(EngineError):
            await said(made)
    assert len(server.heads) == 1


# --- probes


@pytest.mark.parametrize("status", ["200 OK", "403 No", "404 No", "405 No", "429 No"])
async def test_an_endpoint_is_there_whether_it_lists_its_models_or_not(status: str) -> None:
    async with endpoint(http(status, b'{"data":[]}')) as server, service(server.url) as made:
        await made.probe()
    assert server.heads[0].startswith("GET /v1/models HTTP/1.1")


@pytest.mark.parametrize("status", ["401 No", "500 No", "503 No"])
async def test_an_endpoint_that_fails_or_refuses_the_key_is_not_there(status: str) -> None:
    async with endpoint(http(status, b"")) as server, service(server.url) as made:
        with pytest.raises(EngineError, match=f"answered {status[:3]}"):
            await made.probe()


async def test_a_probe_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.remote.endpoint._PROBE_S", 0.01)
    async with endpoint(b"", hold_open=True) as server, service(server.url) as made, asyncio.timeout(5):
        with pytest.raises(EngineError, match="did not answer in time"):
            await made.probe()
