"""Dead connections are found; slow applications and paused programs are not taken for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from duologue.errors import ConnectionClosedError
from duologue.transports.socket_options import SocketOptions
from duologue.transports.websocket import open_websocket

QUICK = SocketOptions(ping_interval=0.05, ping_timeout=0.1)
"""A hundred times as fast as what is usual."""


class Line:
    """A TCP line to a server, which can be cut without a sign to either end."""

    def __init__(self, port: int) -> None:
        self.is_dead = False
        self.url = ""
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, there_writer]
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.is_dead:
                    writer.write(data)
        except ConnectionError:
            pass  # the other end was aborted, which is what these tests are about
        finally:
            writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def line_to(handle: object) -> AsyncGenerator[Line, None]:
    async with serve(handle, "127.0.0.1", 0, ping_interval=None) as server:  # type: ignore[arg-type]  # a coroutine function
        line = Line(next(iter(server.sockets)).getsockname()[1])
        async with await asyncio.start_server(line.carry, "127.0.0.1", 0) as between:
            line.url = f"ws://127.0.0.1:{between.sockets[0].getsockname()[1]}/"
            try:
                yield line
            finally:
                line.hang_up()


async def idle(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def test_a_connection_that_died_silently_is_found_while_a_reader_waits() -> None:
    async with line_to(idle) as line, asyncio.timeout(5):
        began_s = asyncio.get_running_loop().time()
        end = await open_websocket(line.url, options=QUICK)
        line.is_dead = True
        with pytest.raises(ConnectionClosedError, match=r"did not answer a ping within 0\.1 s") as caught:
            await end.receive()
        took_s = asyncio.get_running_loop().time() - began_s
        assert caught.value.code == 1006
        assert took_s >= 0.15
        await end.close()


async def test_a_line_that_died_is_found_while_the_microphone_goes_on() -> None:
    async with line_to(idle) as line, asyncio.timeout(5):
        end = await open_websocket(line.url, options=QUICK)
        line.is_dead = True

        async def speak() -> None:
            while True:
                await end.send("x" * 2000)
                await asyncio.sleep(0)

        speaking = asyncio.ensure_future(speak())
        with pytest.raises(ConnectionClosedError):
            await end.receive()
        with pytest.raises(ConnectionClosedError):
            await speaking
        await end.close()


def test_by_default_a_dead_line_is_found_within_ten_seconds() -> None:
    options = SocketOptions()
    assert options.ping_interval is not None
    assert options.ping_interval + options.ping_timeout <= 10


async def test_a_server_that_says_nothing_and_answers_pings_is_alive() -> None:
    late = asyncio.Event()

    async def wait_and_speak(socket: ServerConnection) -> None:
        await late.wait()
        await socket.send("at last")
        await socket.wait_closed()

    async with line_to(wait_and_speak) as line, asyncio.timeout(5):
        # A busy machine may need some of this for the answer.
        end = await open_websocket(line.url, options=SocketOptions(ping_interval=0.05, ping_timeout=0.5))
        asyncio.get_running_loop().call_later(1, late.set)
        assert await end.receive() == "at last"
        await end.close()


async def test_an_application_that_does_not_read_does_not_count_the_server_as_dead() -> None:
    messages = 500

    async def speak(socket: ServerConnection) -> None:
        for number in range(messages):
            await socket.send(str(number).ljust(10_000))
        await socket.wait_closed()

    async with line_to(speak) as line, asyncio.timeout(5):
        end = await open_websocket(line.url, options=QUICK)
        received = [await end.receive()]
        # Longer than a dead line would live: time is the subject of this test.
        busy = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, busy.set)
        await busy.wait()
        received += [await end.receive() for _ in range(messages - 1)]
        assert [int(message) for message in received] == list(range(messages))
        await end.close()


async def test_a_program_that_stood_still_does_not_blame_the_server() -> None:
    late = asyncio.Event()

    async def wait_and_speak(socket: ServerConnection) -> None:
        await late.wait()
        await socket.send("still here")
        await socket.wait_closed()

    async with line_to(wait_and_speak) as line, asyncio.timeout(5):
        end = await open_websocket(line.url, options=QUICK)
        loop = asyncio.get_running_loop()
        receiving = asyncio.ensure_future(end.receive())
        for moment_s in (0.01, 0.06, 0.3):
            # Never set: the loop, and with it every socket, stands still for longer than the answer may take.
            loop.call_later(moment_s, lambda: threading.Event().wait(0.3))
        loop.call_later(1.2, late.set)
        assert await receiving == "still here"
        await end.close()


async def test_without_an_interval_nothing_is_asked() -> None:
    async with line_to(idle) as line:
        end = await open_websocket(line.url, options=SocketOptions(ping_interval=None))
        line.is_dead = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(end.receive(), 0.3)
        line.hang_up()
        await end.close()
