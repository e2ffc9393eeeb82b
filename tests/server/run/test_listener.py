"""A server for the length of a block."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from duologue import ConnectFailed, ConnectionClosed, connect, converse
from duologue.server import RealtimeApp
from duologue.server.run.listener import listening
from duologue.testing import scripted_app_engines


def app() -> RealtimeApp:
    return RealtimeApp(engines=scripted_app_engines())


async def test_sessions_are_served_until_the_end_of_the_block() -> None:
    async with listening(app()) as url, converse(url) as conversation:
        assert (await conversation.ask("Hello")).text == "Hello, this is a script."
    with pytest.raises(ConnectFailed):
        async with connect(url):
            pass


async def test_open_sessions_are_closed_at_the_end() -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup():
        served = listening(app())
        url = await served.__aenter__()
        async with connect(url) as connection:
            await connection.receive()
            await served.__aexit__(None, None, None)
            with pytest.raises(ConnectionClosed) as closed:
                await connection.receive()
    assert closed.value.code == 1001


async def test_a_connection_that_never_was_a_session_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(5):
        async with listening(app()) as url:
            host, port = url.removeprefix("ws://").partition("/")[0].split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /v1/realtime HTTP/1.1\r\n")
            await writer.drain()
        with suppress(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_the_same_application_can_be_served_again() -> None:
    application = app()
    for _ in range(2):
        async with listening(application) as url, converse(url) as conversation:
            assert (await conversation.ask("Hello")).text
