"""One request, one answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from duologue.errors import ConnectFailed
from duologue.transports.http_exchange import MAX_BODY_BYTES, exchange
from tests._certificates import Authority
from tests.transports._answering import answering, http_answer, unused_port


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (http_answer("200 OK", "hello"), b"hello"),
        (http_answer("200 OK", "hello", length=3), b"hel"),
        (b"HTTP/1.0 200 OK\n\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer("200 OK", "then"), b"then"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nabc", b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\nnot a body", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\nall", b"all"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_BODY_BYTES + 5000), bytes(MAX_BODY_BYTES)),
    ],
)
async def test_bodies(answer: bytes, body: bytes) -> None:
    async with answering(answer) as port:
        got = await exchange(f"http://127.0.0.1:{port}/x?y=1")
    assert got.body == body
    assert got.status in (200, 204)


async def test_what_is_sent_and_the_headers_that_come() -> None:
    received = b""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        received = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3)
        writer.write(http_answer("201 Created", headers="Location: /a\r\nX-A: 1\r\nx-a: 2\r\n"))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await exchange(f"ws://127.0.0.1:{port}/p?q=1", method="POST", headers={"X-B": "b"}, body=b"abc")
    server.close()
    assert (answer.status, answer.headers["location"], answer.headers["x-a"]) == (201, "/a", "1, 2")
    head = received.decode()
    assert head.startswith(f"POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")
    assert "Content-Length: 3\r\nX-B: b\r\n\r\nabc" in head


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-x\r\n", 'does not speak HTTP: it answered "SSH-2.0-x"'),
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS"),
        (b"HTTP/1.1 200 OK\r\nHalf: a hea", "breaks off within the headers of its answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70_000, "breaks off"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "does not speak HTTP"),
    ],
)
async def test_what_is_no_answer(answer: bytes, sentence: str) -> None:
    async with answering(answer) as port:
        with pytest.raises(ConnectFailed, match=sentence):
            await exchange(f"http://127.0.0.1:{port}/?key=secret")


async def test_no_server() -> None:
    with pytest.raises(ConnectFailed, match="connection refused"):
        await exchange(f"http://127.0.0.1:{unused_port()}/")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "ü"])
async def test_a_header_that_http_does_not_allow_is_not_sent(value: str) -> None:
    with pytest.raises(ConnectFailed, match="the header X-A holds characters"):
        await exchange("http://127.0.0.1:9/", headers={"X-A": value})


async def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with answering(http_answer("200 OK", "safe"), tls=authority.server_context("127.0.0.1")) as port:
        answer = await exchange(f"https://127.0.0.1:{port}/", context=authority.client_context)
        assert answer.body == b"safe"
        with pytest.raises(ConnectFailed, match="certificate is not accepted"):
            await exchange(f"https://127.0.0.1:{port}/")


async def test_a_proxy_leads_to_the_server_and_is_told_its_password() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(http_answer("200 OK", "led"))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await exchange("http://voice.example/x", proxy=f"http://me:pa%20ss@127.0.0.1:{port}")
    server.close()
    assert answer.body == b"led"
    assert heads[0].startswith(b"CONNECT voice.example:80 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cGEgc3M=" in heads[0]
    assert b"Proxy-Authorization" not in heads[1]


@pytest.mark.usefixtures("idle_clock")
async def test_cancelling_within_tls_returns_at_once() -> None:
    async with answering(b"", reads=False, stays=True) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await exchange(f"https://127.0.0.1:{port}/")
