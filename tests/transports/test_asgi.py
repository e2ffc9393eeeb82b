from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.transports.asgi import ASGITransport

Message = MutableMapping[str, Any]


class Server:
    """The ASGI server's side: what it hands to the application, and what it was handed."""

    def __init__(self, *incoming: Message, fault: Exception | None = None) -> None:
        self.incoming = list(incoming)
        self.sent: list[Message] = []
        self.fault = fault

    async def receive(self) -> Message:
        return self.incoming.pop(0)

    async def send(self, message: Message) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append(message)


def transport(server: Server) -> ASGITransport:
    return ASGITransport(server.receive, server.send)


async def test_text_and_bytes_stay_distinct_both_ways() -> None:
    server = Server(
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "text": None, "bytes": b""},
        {"type": "websocket.receive", "bytes": b"\0"},
    )
    end = transport(server)
    assert [await end.receive() for _ in range(3)] == ["", b"", b"\0"]
    await end.send("x")
    await end.send(b"y")
    assert server.sent == [{"type": "websocket.send", "text": "x"}, {"type": "websocket.send", "bytes": b"y"}]


@pytest.mark.parametrize("subprotocol", [None, "realtime"])
async def test_the_handshake_names_the_subprotocol(subprotocol: str | None) -> None:
    server = Server({"type": "websocket.connect"})
    await transport(server).accept(subprotocol)
    assert server.sent == [{"type": "websocket.accept", "subprotocol": subprotocol}]


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ({"code": 1000}, 1000, ConnectionClosedOK),
        ({"code": 1001, "reason": "bye"}, 1001, ConnectionClosedOK),
        ({}, 1005, ConnectionClosedOK),
        ({"code": 1006}, 1006, ConnectionClosedError),
        ({"code": 4000, "reason": None}, 4000, ConnectionClosedError),
    ],
)
async def test_a_disconnect_ends_the_pipe_for_good(message: dict[str, Any], code: int, kind: type[Exception]) -> None:
    end = transport(Server({"type": "websocket.disconnect", **message}))
    for again in (end.receive, end.receive, lambda: end.send("x")):
        with pytest.raises(kind) as caught:
            await again()
        assert getattr(caught.value, "code", None) == code
    await end.close()


@pytest.mark.parametrize("fault", [OSError("gone"), RuntimeError("Unexpected ASGI message")])
async def test_a_server_that_cannot_send_means_that_the_client_is_gone(fault: Exception) -> None:
    end = transport(Server({"type": "websocket.connect"}, fault=fault))
    with pytest.raises(ConnectionClosedError):
        await end.accept()
    with pytest.raises(ConnectionClosedError) as caught:
        await end.send("x")
    assert caught.value.__cause__ is fault
    await end.close()


async def test_a_long_reason_is_cut_between_characters() -> None:
    server = Server()
    await transport(server).close(4000, "ü" * 200)
    [message] = server.sent
    assert message["reason"] == "ü" * 61


async def test_a_close_waits_for_a_stuck_server_for_a_few_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.transports.asgi._CLOSE_TIMEOUT_S", 0.01)

    async def stuck(message: Message) -> None:
        await asyncio.Event().wait()

    end = ASGITransport(Server().receive, stuck)
    async with asyncio.timeout(5):
        await end.close()
        await end.close()


async def test_a_client_that_floods_lets_the_others_have_their_turn() -> None:
    """Neither the queue of what came nor the socket ever makes this session wait."""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.receive", "text": "again"}

    async def send(_: MutableMapping[str, Any]) -> None:
        return None

    flooded = ASGITransport(receive, send)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(other())
        for _ in range(100):
            await flooded.receive()
        received = turns
        for _ in range(100):
            await flooded.send("answer")
        running.cancel()
    assert received >= 20
    assert turns - received >= 20
