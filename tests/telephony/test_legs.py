"""The WebSocket of a carrier, from a framework or as a transport."""

from __future__ import annotations

from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from duologue.telephony.legs import LegSocket, leg_transport
from duologue.transports import memory_pair


async def test_a_transport_is_one() -> None:
    transport, _ = memory_pair()
    assert await leg_transport(transport, subprotocol=None) is transport


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
