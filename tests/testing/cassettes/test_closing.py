"""Ends of WebSockets."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from duologue.testing.cassettes.closing import close_as


@pytest.mark.parametrize(
    ("code", "reason", "seen"),
    [
        (1000, "bye", (1000, "bye")),
        (1005, "", (1000, "")),
        (1012, "restart", (1012, "restart")),
        (4000, "ü" * 200, (4000, "ü" * 61)),
        (1006, "", (1006, "")),
        (1015, "", (1006, "")),
        (2999, "", (1006, "")),
        (-1, "", (1006, "")),
    ],
)
async def test_a_socket_ends_as_another_one_did(code: int, reason: str, seen: tuple[int, str]) -> None:
    async def end(socket: ServerConnection) -> None:
        await close_as(socket, code, reason)

    async with serve(end, "127.0.0.1", 0) as server:
        client = await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert (client.close_code, client.close_reason or "") == seen
