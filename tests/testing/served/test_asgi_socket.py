"""A WebSocket of an ASGI application in memory."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.testing.served import asgi_socket


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] != "/echo":
        await send({"type": "websocket.close", "code": 4404, "reason": "no such path"})
        return
    await send({"type": "websocket.accept"})
    asked = [dict(scope["headers"])[b"x-name"], scope["query_string"], *scope["subprotocols"]]
    await send({"type": "websocket.send", "text": repr(asked)})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


async def test_messages_pass_both_ways_with_what_was_asked() -> None:
    opened = asgi_socket(_echo, path="/echo", query={"a": "b"}, headers={"X-Name": "n"}, subprotocols=["media"])
    async with opened as transport:
        assert await transport.receive() == "[b'n', b'a=b', 'media']"
        await transport.send(b"x")
        assert await transport.receive() == b"x"
    with pytest.raises(ConnectionClosed):
        await transport.receive()


async def test_a_refusal_is_raised_with_its_reason() -> None:
    with pytest.raises(ConnectFailed, match="no such path"):
        async with asgi_socket(_echo, path="/other"):
            pass
