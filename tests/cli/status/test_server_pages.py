"""The pages of a server are found from any URL of it; what is wrong with them is a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from duologue.cli.errors import TurnFailed, UsageError
from duologue.cli.status.server_pages import pages_at
from duologue.errors import ConnectFailed
from tests.cli.doctor._servers import http_response
from tests.server._listening import listening, scripted_app

Answer = Callable[[str], bytes]
"""The answer to the head of a request."""


@asynccontextmanager
async def answering(answer: Answer) -> AsyncGenerator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer((await reader.readuntil(b"\r\n\r\n")).decode()))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("ws://host:8000/v1/realtime?model=m", "http://host:8000"),
        ("wss://host/voice/v1/live/sessions", "https://host/voice"),
        ("https://host/voice/", "https://host/voice"),
        ("https://host/openai/v1/realtime", "https://host"),
        ("http://host/metrics", "http://host"),
        ("http://host/talk/", "http://host"),
        ("https://user:sesame@host/v1", "https://host"),
        ("http://[::1]:8000/readyz", "http://[::1]:8000"),
    ],
)
def test_any_url_of_a_server_leads_to_its_pages(url: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert pages_at(url, api_key=None).base == base


@pytest.mark.parametrize(("url", "key"), [("", None), ("file:///x", None), ("http://host", "a\nb"), ("host", "ü")])
def test_what_is_no_url_or_no_key(url: str, key: str | None) -> None:
    with pytest.raises(UsageError):
        pages_at(url, api_key=key)


async def test_a_look_at_a_server_of_ours() -> None:
    app = scripted_app(api_key="sesame")
    async with listening(app) as url:
        found = await pages_at(url, api_key="sesame").look()
        assert (found.state, found.is_alive, found.engines_down) == ("ok", True, ())
        assert found.samples["duologue_sessions_open"] == {(): 0.0}
        app.open_sessions.draining = True
        assert (await pages_at(url, api_key="sesame").look()).state == "draining"
        with pytest.raises(TurnFailed, match="asks for a key: name one with --api-key"):
            await pages_at(url, api_key=None).look()
        with pytest.raises(TurnFailed, match="does not accept the key") as refused:
            await pages_at(url, api_key="hush").look()
        assert "hush" not in str(refused.value)


def of_metrics(answer: bytes) -> Answer:
    return lambda head: answer if "/metrics" in head else http_response("200 OK", '{"status":"ok"}')


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (http_response("404 Not Found"), "is this a duologue server"),
        (http_response("502 Bad Gateway"), "answered HTTP 502"),
        (http_response("302 Found", Location="https://elsewhere"), "redirects"),
        (http_response("200 OK", "<html>hello"), "no page of metrics"),
        (http_response("200 OK", "go_goroutines 7\n"), "no page of metrics"),
        (http_response("200 OK", "duologue_a 1\n" * 400_000), "longer than 4 MB"),
    ],
    ids=["404", "502", "302", "HTML", "another program", "long"],
)
async def test_what_is_no_page_of_metrics(answer: bytes, sentence: str) -> None:
    async with answering(of_metrics(answer)) as url:
        with pytest.raises(TurnFailed, match=sentence):
            await pages_at(url, api_key=None).look()


async def test_a_server_that_is_not_there_or_speaks_no_http() -> None:
    async with answering(lambda head: b"SSH-2.0\r\n") as url:
        with pytest.raises(ConnectFailed):
            await pages_at(url, api_key=None).look()
    with pytest.raises(ConnectFailed):
        await pages_at(url, api_key=None).look()


@pytest.mark.parametrize(
    ("body", "state", "down"),
    [
        ('{"status":"engines","engines":{"transcriber":"not reachable"}}', "engines", ["transcriber"]),
        ('{"status":"\\u001b[2J"}', "\\x1b[2J", []),
        ("[1]", "unknown", []),
        ("", "unknown", []),
    ],
)
async def test_what_it_says_of_itself(body: str, state: str, down: list[str]) -> None:
    def answer(head: str) -> bytes:
        return http_response("200 OK", "duologue_a 1\n" if "/metrics" in head else body)

    async with answering(answer) as url:
        found = await pages_at(url, api_key=None).look()
    assert (found.state, list(found.engines_down), found.is_alive) == (state, down, False)
