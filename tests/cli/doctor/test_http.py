"""What answers over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from duologue.cli.doctor.http import intermediaries, status_of
from duologue.transports.http_answers import HttpAnswer
from tests.cli.doctor._servers import examined, http_response, served


@pytest.mark.parametrize(
    ("headers", "signs"),
    [
        ({}, []),
        ({"server": "uvicorn"}, []),
        ({"server": "nginx/1.27"}, ["server: nginx/1.27"]),
        ({"via": "1.1 squid", "cf-ray": "8a"}, ["via: 1.1 squid", "cf-ray: 8a"]),
    ],
)
def test_proxies_on_the_way(headers: dict[str, str], signs: list[str]) -> None:
    assert intermediaries(headers) == signs


def test_a_status_has_its_phrase_where_there_is_one() -> None:
    assert status_of(HttpAnswer(status=404)) == "HTTP 404 (Not Found)"
    assert status_of(HttpAnswer(status=799)) == "HTTP 799"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        ("200 OK", '{"status":"ok"}', "ok"),
        ("503 Service Unavailable", '{"status":"loading"}', "failed"),
        ("503 Service Unavailable", '{"status":"other"}', "failed"),
        ("200 OK", "<p>hello</p>", "skipped"),
        ("404 Not Found", '{"status":"ok"}', "skipped"),
    ],
)
async def test_how_a_server_says_it_is(status: str, body: str, outcome: str) -> None:
    async def handle(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http_response(status, body))

    async with served(handle) as port:
        rows = await examined(f"127.0.0.1:{port}", only=("live",))
    assert rows["health"].outcome == outcome
