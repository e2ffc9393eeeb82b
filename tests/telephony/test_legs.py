"""The WebSocket of a carrier, from a framework or as a transport."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from duologue.errors import ConnectionClosed
from duologue.telephony.legs import LegSocket, leg_transport
from duologue.transports import memory_pair


async def test_a_transport_is_one() -> None:
    transport, _ = memory_pair()
    assert await leg_transport(transport, subprotocol=None) is transport


class _Gone:
    """A framework's WebSocket whose peer is gone, with an error of its own."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        return {"type": "websocket"}

    async def accept(self, subprotocol: str | None = None) -> None:
        raise AssertionError("it is accepted")

    async def receive(self) -> MutableMapping[str, Any]:
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        raise LookupError("a WebSocketDisconnect")


async def test_a_peer_that_is_gone_is_a_closed_connection_whatever_the_framework_calls_it() -> None:
    transport = await leg_transport(_Gone(), subprotocol=None)
    with pytest.raises(ConnectionClosed):
        await transport.send("x")
    with pytest.raises(ConnectionClosed):
        await transport.receive()
    await transport.close()


async def test_what_is_no_socket_is_said() -> None:
    with pytest.raises(TypeError, match="this is str"):
        await leg_transport(cast("LegSocket", "ws://"), subprotocol=None)


@pytest.mark.parametrize("accepts", [True, False], ids=["accepted", "not-accepted"])
@pytest.mark.parametrize(("offered", "chosen"), [(["media"], "media"), (["other"], None), (None, None)])
def test_a_frameworks_websocket_is_accepted_once(accepts: bool, offered: Any, chosen: str | None) -> None:
    async def phone(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept("media" if chosen else None)
        transport = await leg_transport(websocket, subprotocol="media")
        await transport.send(await transport.receive())
        await transport.send(await transport.receive())
        await transport.close(1001, "bye")

    with (
        TestClient(Starlette(routes=[WebSocketRoute("/", phone)])) as client,
        client.websocket_connect("/", subprotocols=offered) as session,
    ):
        assert session.accepted_subprotocol == chosen
        session.send_text("a")
        session.send_bytes(b"b")
        assert (session.receive_text(), session.receive_bytes()) == ("a", b"b")
        assert session.receive()["code"] == 1001
