from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.testing import TransportPair, check_transport
from duologue.transports import Transport, asgi, memory_pair, websocket
from duologue.transports.asgi import ASGIReceive, ASGISend, ASGITransport, Scope
from duologue.transports.websocket import open_websocket
from tests._uvicorn import under_uvicorn


@asynccontextmanager
async def in_memory() -> AsyncGenerator[tuple[Transport, Transport], None]:
    yield memory_pair(capacity=8)


@asynccontextmanager
async def over_a_socket() -> AsyncGenerator[tuple[Transport, Transport], None]:
    """A client's WebSocket, and the ASGI end of it under uvicorn."""
    accepted: asyncio.Future[ASGITransport] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def application(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        transport = ASGITransport(receive, send)
        await transport.accept()
        accepted.set_result(transport)
        await over.wait()

    async with under_uvicorn(application, lifespan="off") as port:
        client = await open_websocket(f"ws://127.0.0.1:{port}/")
        try:
            yield client, await accepted
        finally:
            over.set()
            await client.close()


@pytest.mark.parametrize("make_pair", [in_memory, over_a_socket])
async def test_the_transports_of_the_package_keep_the_contract(
    make_pair: TransportPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a peer that does not answer is given before it is hung up on: it never answers here.
    assert websocket._CLOSE_TIMEOUT_S + 1 <= 5 >= asgi._CLOSE_TIMEOUT_S
    monkeypatch.setattr(websocket, "_CLOSE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(asgi, "_CLOSE_TIMEOUT_S", 0.1)
    await check_transport(make_pair)
