"""Servers that misbehave, each in one way: which step fails, and what it says."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from tests._certificates import Authority
from tests.cli.doctor._servers import (
    KEY,
    Handle,
    answering_upgrades,
    answering_with_pongs,
    close_frame,
    examined,
    http_response,
    is_upgrade,
    served,
    text_frame,
    upgrade,
)
from tests.transports._answering import unused_port

pytestmark = pytest.mark.usefixtures("idle_clock")

CREATED = text_frame(json.dumps({"type": "session.created", "event_id": "e", "session": {"type": "realtime"}}))


def error(code: str, message: str) -> bytes:
    event = {
        "type": "error",
        "event_id": "e",
        "error": {"type": "invalid_request_error", "code": code, "message": message},
    }
    return text_frame(json.dumps(event))


def refusing(status: str, body: str = "", **headers: str) -> Handle:
    return answering_upgrades(refused=http_response(status, body, **headers))


def sending(data: bytes, *, stays: bool = True) -> Handle:
    return answering_upgrades(upgraded=data, stays=stays)


async def reset(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def silence(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 426 Upgrade Required\r\nX-Slow: ")
    while not reader.at_eof():
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(1)


async def garbage(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP \x1b[31m ready\r\n")


async def proxy_page(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http_response("200 OK", "<title>Welcome</title>", Server="nginx/1.27", Via="1.1 squid"))


async def gateway(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http_response("502 Bad Gateway", "<title>502 Bad Gateway</title>", Server="nginx"))


async def tls_port(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http_response("400 Bad Request", "The plain HTTP request was sent to HTTPS port", Server="nginx"))


async def draining(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if "GET /readyz" in head:
        writer.write(http_response("503 Service Unavailable", '{"status":"draining"}'))
    else:
        writer.write(http_response("503 Service Unavailable", '{"error":{"message":"The server is going away"}}'))


async def without_pongs(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not is_upgrade(head):
        writer.write(http_response("404 Not Found"))
        return
    writer.write(upgrade(head) + CREATED)
    while await reader.read(4096):
        pass


NO_JSON = "a message came that is no event"

CASES: dict[str, tuple[Handle, str, str, str]] = {
    # what the server does: which step fails, what it says, what to do
    "reset": (reset, "http", "reset", "look at the server's log"),
    "silence": (silence, "http", "not done within 10 s", "does not answer requests in time"),
    "drip": (drip, "http", "not done within 10 s", "does not answer requests in time"),
    "garbage": (garbage, "http", r'does not speak HTTP: it answered "220 mail.example ESMTP \x1b[31m ready"', ""),
    "page by a proxy": (proxy_page, "websocket", "an ordinary page instead of a WebSocket", "proxy_set_header Upgrade"),
    "gateway": (gateway, "http", "HTTP 502 (Bad Gateway)", "look at the server behind the proxy"),
    "TLS port": (tls_port, "http", "HTTP 400", "write wss://"),
    "draining": (draining, "health", "the server says: draining", "connect again in a moment"),
    "401": (
        refusing("401 Unauthorized", f"Incorrect key {KEY}"),
        "websocket",
        "does not accept the key",
        "check the key",
    ),
    "403 of an origin": (
        refusing("403 Forbidden", '{"error":{"message":"Pages of this origin are not served."}}'),
        "websocket",
        "origin",
        "--allow-origin https://app.example",
    ),
    "403": (refusing("403 Forbidden", "not for you"), "websocket", "forbids", "check the key and what it may do"),
    "404": (refusing("404 Not Found"), "websocket", "has nothing at the path", "check the path"),
    "404 of a model": (
        refusing("404 Not Found", '{"error":{"code":"model_not_found","message":"no"}}'),
        "websocket",
        "no model m",
        "name another model",
    ),
    "426": (refusing("426 Upgrade Required"), "websocket", "asks for an upgrade", "proxy_http_version 1.1"),
    "429": (refusing("429 Too Many Requests"), "websocket", "too many requests", "wait"),
    "500": (refusing("500 Internal Server Error"), "websocket", "internal error", "look at the server's log"),
    "503": (refusing("503 Service Unavailable"), "websocket", "overloaded", "try again in a moment"),
    "302": (refusing("302 Found", Location="http://other.example/"), "websocket", "another origin", ""),
    "no answer to the upgrade": (
        answering_upgrades(),
        "websocket",
        "closed the connection without an answer",
        "a proxy on the way",
    ),
    "upgrade, then nothing": (sending(b""), "first_event", "nothing came within 5 s", "passes no frames on"),
    "upgrade, then a close": (
        sending(close_frame(4401, "bad token"), stays=False),
        "first_event",
        "code 4401",
        "check the key",
    ),
    "upgrade, then the end": (sending(b"", stays=False), "first_event", "code 1006", "try again in a moment"),
    "refused key": (
        sending(error("invalid_api_key", f"Bad {KEY}")),
        "first_event",
        "does not accept the key",
        "check the key",
    ),
    "refused model": (sending(error("model_not_found", "No")), "first_event", "no such model", "name another model"),
    "binary": (sending(text_frame(b"\0\1", opcode=2)), "first_event", "a binary message of 2 bytes", "check the path"),
    "text": (sending(text_frame("hello")), "first_event", NO_JSON, "check the path"),
    "a list": (sending(text_frame("[1]")), "first_event", NO_JSON, "check the path"),
    "no type": (sending(text_frame("{}")), "first_event", "without a type", "check the path"),
    "no pongs": (without_pongs, "keep_alive", "not done within 10 s", "clients cut such connections as dead"),
    "an end after the greeting": (
        sending(CREATED + close_frame(1011, "oops"), stays=False),
        "keep_alive",
        "code 1011",
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_server_that_misbehaves(name: str) -> None:
    handle, step, happened, remedy = CASES[name]
    async with served(handle) as port:
        rows = await examined(
            f"ws://127.0.0.1:{port}", api_key=KEY, model="m", origin="https://app.example" if "origin" in name else None
        )
    failed = [row.step for row in rows.values() if row.outcome == "failed"]
    assert failed[0] == step, rows
    assert happened in rows[step].happened
    assert remedy in rows[step].remedy


async def test_a_server_that_asks_for_a_key_is_to_be_given_one() -> None:
    async with served(refusing("401 Unauthorized")) as port:
        rows = await examined(f"127.0.0.1:{port}")
    assert rows["websocket"].remedy == "give a key: --api-key KEY, or set OPENAI_API_KEY"


async def test_no_server() -> None:
    rows = await examined(f"127.0.0.1:{unused_port()}")
    assert list(rows) == ["name", "tcp"]
    assert rows["tcp"].outcome == "failed"
    assert "connection refused" in rows["tcp"].happened
    assert "start the server" in rows["tcp"].remedy


async def test_a_server_that_waits_for_the_client_is_spoken_to() -> None:
    async def handle(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_upgrade(head):
            writer.write(http_response("404 Not Found"))
            return
        writer.write(upgrade(head))
        await reader.read(10)  # the session.update
        writer.write(CREATED)
        await reader.read()

    async with served(handle) as port:
        rows = await examined(f"127.0.0.1:{port}")
    assert rows["first_event"].outcome == "note"
    assert "in answer to session.update" in rows["first_event"].happened


async def test_a_browser_gives_up_where_no_subprotocol_is_chosen() -> None:
    async with served(answering_with_pongs(CREATED)) as port:
        rows = await examined(f"127.0.0.1:{port}", api_key=KEY)
    assert rows["keep_alive"].outcome == "ok"
    assert rows["browser"].outcome == "note"
    assert "chose no sub-protocol" in rows["browser"].happened
    assert "openai-insecure-api-key.…" in rows["browser"].tried


async def test_all_steps_together_are_bounded_too() -> None:
    async with served(silence) as port:
        rows = await examined(f"127.0.0.1:{port}", only=("websocket", "webrtc", "live"), step_s=0.3)
    assert [rows[step].outcome for step in ("http", "websocket", "calls")] == ["failed", "failed", "failed"]


async def test_a_step_that_breaks_is_a_row_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Any:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("duologue.cli.doctor.examination.http_step", broken)
    async with served(sending(b"")) as port:
        rows = await examined(f"127.0.0.1:{port}")
    assert rows["http"].happened == "this step broke: ZeroDivisionError"


async def test_cancelling_ends_it_at_once() -> None:
    async with served(silence) as port:
        task = asyncio.ensure_future(examined(f"127.0.0.1:{port}"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- TLS


async def test_a_server_without_tls_at_a_wss_url() -> None:
    async with served(garbage) as port:
        rows = await examined(f"wss://127.0.0.1:{port}", step_s=2)
    assert rows["tls"].outcome == "failed"
    assert "ws://" in rows["tls"].remedy


@pytest.mark.parametrize(
    ("names", "options", "trusts", "happened", "remedy"),
    [
        (["127.0.0.1"], {"signed_by_itself": True}, True, "signed by itself", "SSL_CERT_FILE=server.pem"),
        (["127.0.0.1"], {}, False, "signed by An authority of tests", "SSL_CERT_FILE=authority.pem"),
        (["127.0.0.1"], {"valid_days": (-5, -2)}, True, "has expired", "have the certificate renewed"),
        (["127.0.0.1"], {"valid_days": (2, 5)}, True, "not yet valid", "clock"),
        (["a.example", "10.0.0.1"], {}, True, "it is for a.example, 10.0.0.1", "connect by a name"),
    ],
)
async def test_a_certificate_that_is_not_accepted(
    names: list[str],
    options: dict[str, Any],
    trusts: bool,
    happened: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority(tmp_path)
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with served(sending(b""), tls=authority.server_context(*names, **options)) as port:
        rows = await examined(f"wss://127.0.0.1:{port}")
    assert list(rows) == ["name", "tcp", "tls"]
    assert rows["tls"].outcome == "failed"
    assert "the certificate is not accepted" in rows["tls"].happened
    assert happened in rows["tls"].happened
    assert remedy in rows["tls"].remedy
