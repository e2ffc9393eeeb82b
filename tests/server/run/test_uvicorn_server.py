from __future__ import annotations

import asyncio
import sys

import pytest

from duologue.server.run.acceptor import Acceptor
from duologue.server.run.edge import edge_config
from duologue.server.run.listening_socket import bind
from duologue.server.run.uvicorn_server import Server
from tests.server._listening import scripted_app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the acceptor needs add_reader")


async def test_it_serves_with_a_date_until_its_end() -> None:
    app = scripted_app()
    bound = bind("127.0.0.1", 0)
    server = Server(edge_config(app), Acceptor, None)
    async with app.running(), asyncio.timeout(10):
        serving = asyncio.ensure_future(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = (await reader.read()).partition(b"\r\n\r\n")[0].lower()
        assert b"\r\ndate: " in head
        assert b" gmt" in head
        writer.close()
        server.end()
        await serving
