"""The inspector's server over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from duologue.errors import DuologueError
from duologue.server import Inspector, serving_inspector
from duologue.server.inspector import web_server
from duologue.server.inspector.pages import Answer
from tests.server.inspector._looking import ask, ask_raw, begun, request, stream

pytestmark = pytest.mark.timeout(30)


async def test_it_listens_on_this_machine_alone_under_an_address_that_cannot_be_guessed() -> None:
    addresses = []
    for _ in range(2):
        async with serving_inspector(Inspector()) as address:
            parts = urlsplit(address)
            assert parts.hostname == "127.0.0.1"
            assert len(parts.path) > 30
            assert (await ask(address)).status == 200
            addresses.append(address)
    assert urlsplit(addresses[0]).path != urlsplit(addresses[1]).path
    with pytest.raises(OSError, match="onnect"):
        await ask(addresses[0])


async def test_a_wrong_token_and_a_foreign_host_are_refused() -> None:
    async with serving_inspector(Inspector()) as address:
        right = await ask(address)
        wrong = await ask(address.rstrip("/") + "x/")
        foreign = await ask(address, Host="evil.example")
        posted = await ask_raw(address, request(address, method="POST"))
    assert [each.status for each in (right, wrong, foreign, posted)] == [200, 404, 421, 405]
    for each in (wrong, foreign, posted):
        assert "Calls of this server" not in each.text


async def test_no_page_of_another_site_can_read_or_frame_it() -> None:
    async with serving_inspector(Inspector()) as address:
        got = await ask(address, Origin="https://evil.example")
    assert "frame-ancestors 'none'" in got.headers["Content-Security-Policy"]
    assert got.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert got.headers["Referrer-Policy"] == "no-referrer"
    assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in got.headers if name.lower().startswith("access-control")]


async def test_an_endless_head_and_one_that_does_not_come_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "_REQUEST_S", 0.05)
    async with serving_inspector(Inspector()) as address:
        for sent in (b"GET /" + b"a" * 20_000, b"GET / HTTP/1.1\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
            writer.write(sent)
            with suppress(ConnectionError):  # it is cut with unread bytes
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()


async def test_more_connections_than_browsers_have_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "_MAX_CONNECTIONS", 1)
    async with serving_inspector(Inspector()) as address, stream(f"{address}events") as events:
        await events.next()
        with pytest.raises((OSError, IndexError)):
            await ask(address)


async def test_one_who_looks_and_does_not_read_is_cut_and_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            ended.set()

    async def answer(self: object, path: str, request: object) -> Answer:
        return Answer(content_type="text/event-stream", body=endless())

    monkeypatch.setattr(web_server, "_STALL_S", 0.1)
    monkeypatch.setattr("duologue.server.inspector.pages.Pages.answer", answer)
    async with serving_inspector(Inspector()) as address:
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port, limit=1024)
        writer.write(request(address))
        await asyncio.wait_for(ended.wait(), 10)
        writer.close()


async def test_the_end_of_the_server_ends_all_streams() -> None:
    inspector = Inspector()
    begun(inspector)
    async with serving_inspector(inspector) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        writer.write(request(f"{address}events"))
        assert b"200" in await reader.readline()
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()


async def test_a_fault_of_ours_is_logged_and_ends_one_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(self: object, path: str, request: object) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr("duologue.server.inspector.pages.Pages.answer", fail)
    with caplog.at_level(logging.ERROR, "duologue.server"):
        async with serving_inspector(Inspector()) as address:
            with pytest.raises((OSError, IndexError)):
                await ask(address)
            token = urlsplit(address).path.strip("/")
    assert "inspector broke" in caplog.text
    assert token not in caplog.text


async def test_a_port_above_the_last_one_is_not_cut_to_one_that_is() -> None:
    with pytest.raises(DuologueError, match="ports end at 65535"):
        async with serving_inspector(Inspector(), port=99_999):
            pass


@pytest.mark.parametrize("port", [-1, 70_000, 1])
async def test_a_port_that_cannot_be_used_is_told(port: int) -> None:
    async def use() -> AsyncGenerator[str, None]:
        async with serving_inspector(Inspector(), port=port) as address:
            yield address

    if port == 1:
        async with serving_inspector(Inspector()) as address:
            port = urlsplit(address).port or 0
            with pytest.raises(DuologueError, match="cannot serve the inspector"):
                await anext(use())
        return
    with pytest.raises(DuologueError, match="cannot serve the inspector"):
        await anext(use())
