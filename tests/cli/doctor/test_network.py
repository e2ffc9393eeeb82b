"""The steps below HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from duologue.cli.doctor.network import connect_step, name_step, plain_step
from duologue.cli.doctor.target import DoctorTarget, target_of_url
from tests._certificates import Authority
from tests.cli.doctor._servers import answering_upgrades, examined, http_response, served
from tests.transports._answering import unused_port

NOT_FOUND = answering_upgrades(refused=http_response("404 Not Found"))


def target(url: str, **options: Any) -> DoctorTarget:
    return target_of_url(url, dialect="auto", **options)


async def test_a_name_is_looked_up() -> None:
    row, addresses = await name_step(target("localhost:8000"))
    assert row.outcome == "ok"
    assert "127.0.0.1" in addresses


@pytest.mark.parametrize(
    ("fault", "happened"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name voice.example is not known"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "DNS does not answer"),
        (UnicodeError("label too long"), "DNS allows no such name"),
    ],
)
async def test_a_name_without_an_address(fault: Exception, happened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("duologue.cli.doctor.network.socket.getaddrinfo", getaddrinfo)
    row, addresses = await name_step(target("voice.example"))
    assert (row.outcome, addresses) == ("failed", [])
    assert happened in row.happened
    assert "nslookup voice.example" in row.remedy


async def test_a_resolver_that_hangs_ends_with_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr("duologue.cli.doctor.network.socket.getaddrinfo", lambda *_, **__: over.wait(5) and [])
    rows = await examined("voice.example", step_s=0.05)
    over.set()
    assert list(rows) == ["name"]
    assert rows["name"].happened == "not done within 0.05 s"
    assert "resolver" in rows["name"].remedy


async def test_an_address_that_does_not_take_connections_is_told_beside_one_that_does() -> None:
    async with served(NOT_FOUND) as port:
        row, first = await connect_step(target(f"localhost:{port}"), ["127.0.0.9", "127.0.0.1"])
    assert (row.outcome, first) == ("note", "127.0.0.1")
    assert "not to 127.0.0.9: connection refused" in row.happened
    assert "take these addresses out of DNS" in row.remedy


@pytest.mark.usefixtures("idle_clock")
async def test_a_host_that_drops_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("duologue.cli.doctor.network.asyncio.open_connection", never)
    row, first = await connect_step(target("10.0.0.1:8000"), ["10.0.0.1"])
    assert (row.outcome, first) == ("failed", None)
    assert "no answer within 8 s" in row.happened
    assert "--host 0.0.0.0" in row.remedy


async def test_by_way_of_a_proxy_the_proxy_is_reached_and_leads_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def refuse(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(head.split("\r\n", 1)[0])
        writer.write(http_response("407 Proxy Authentication Required"))

    async with served(refuse) as port:
        monkeypatch.setenv("https_proxy", f"http://user:pass-word@127.0.0.1:{port}")
        rows = await examined("wss://voice.example")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{unused_port()}")
        unreached = await examined("wss://voice.example")
    assert "connect to the proxy's port" in rows["tcp"].tried
    assert "does not lead to voice.example:443 (HTTP 407)" in rows["tls"].happened
    assert asked == ["CONNECT voice.example:443 HTTP/1.1"]
    assert "pass-word" not in repr(rows)
    assert "check the proxy" in unreached["tcp"].remedy


async def test_a_certificate_that_ends_soon_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with served(NOT_FOUND, tls=authority.server_context("127.0.0.1", "a.example")) as port:
        rows = await examined(f"wss://127.0.0.1:{port}")
    assert rows["tls"].outcome == "note"
    assert "TLS 1.3; it is for 127.0.0.1, a.example, signed by An authority of tests" in rows["tls"].happened
    assert rows["websocket"].outcome == "failed"


@pytest.mark.parametrize(
    ("address", "key", "told"),
    [("8.8.8.8", "k", True), ("8.8.8.8", None, False), ("192.168.1.1", "k", False), ("fe80::1%eth0", "k", False)],
)
def test_a_key_that_leaves_private_networks_unencrypted_is_told(address: str, key: str | None, told: bool) -> None:
    row = plain_step(target("ws://voice.example", api_key=key), address)
    assert (row is not None) is told
    if row is not None:
        assert "wss://voice.example" in row.remedy


async def test_by_way_of_another_proxy_than_an_http_proxy_only_the_websocket_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(NOT_FOUND) as port:
        monkeypatch.setenv("https_proxy", f"socks5://127.0.0.1:{port}")
        rows = await examined("wss://voice.example", step_s=1, only=("websocket", "webrtc"))
    assert {step: row.outcome for step, row in rows.items()} == {
        "name": "skipped",
        "tcp": "ok",
        "http": "skipped",
        "websocket": "failed",
    }


async def test_a_certificate_of_one_more_day_has_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setattr("duologue.cli.doctor.network.unix_time", time.time)
    async with served(NOT_FOUND, tls=authority.server_context("127.0.0.1", valid_days=(-1, 2))) as port:
        rows = await examined(f"wss://127.0.0.1:{port}")
    assert "(1 day)" in rows["tls"].happened
