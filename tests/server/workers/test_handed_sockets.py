from __future__ import annotations

import asyncio
import socket
import sys

import pytest
from uvicorn.server import ServerState

from duologue.server.limits import Limits
from duologue.server.run.connections import Connections
from duologue.server.workers.handed_sockets import HandedSockets, hand_over

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows passes no sockets")


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(data)


async def eventually(expected: int) -> None:
    async with asyncio.timeout(5):
        while HandedSockets.taken < expected:  # noqa: ASYNC110 - the acceptor sets no event
            await asyncio.sleep(0.01)


async def test_a_connection_is_served_by_the_end_that_it_was_handed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HandedSockets, "taken", 0)
    ours, theirs = socket.socketpair()
    listening = socket.create_server(("127.0.0.1", 0))
    handed = HandedSockets(theirs, None, Connections(Limits(), turned_away=print), ServerState(), Echo)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    accepted, _ = listening.accept()
    with accepted:
        hand_over(ours, accepted)
    writer.write(b"hello")
    assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
    assert HandedSockets.taken == 1
    writer.close()

    gone = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gone.close()
    with accepted:
        hand_over(ours, accepted)
    await eventually(2)

    ours.close()  # the parent has died
    await asyncio.sleep(0.05)
    handed.close()
    theirs.close()
    listening.close()


class Listed(Echo):
    """Stands in a table, as the server's own protocol does."""

    address = owner = "a"
    unread = received = 0

    def __init__(self, table: Connections) -> None:
        self.table = table

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.table.arrive(self)

    def check(self, now: float) -> None:
        pass

    def cut(self, name: str) -> None:
        pass

    def abort(self) -> None:
        """Closes nothing."""


async def test_a_connection_that_is_told_of_is_not_under_way_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told of in between, it would count twice, and the next ones would go to another worker."""
    monkeypatch.setattr(HandedSockets, "taken", 0)
    ours, theirs = socket.socketpair()
    client, accepted = socket.socketpair()
    monkeypatch.setattr(HandedSockets, "take", lambda _, way: (accepted.dup(), "a") if way.recv(1) else None)
    table = Connections(Limits(), turned_away=print)
    handed = HandedSockets(theirs, None, table, ServerState(), lambda: Listed(table))
    ours.send(b"+")
    async with asyncio.timeout(5):
        await table.changed.wait()
    assert (len(table), HandedSockets.taken) == (1, 1)
    handed.close()
    for each in (ours, theirs, client, accepted):
        each.close()


def fill(way: socket.socket, client: socket.socket) -> None:
    for _ in range(100_000):
        hand_over(way, client)


def test_a_worker_that_has_died_is_an_error_and_one_that_takes_nothing_another() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        fill(ours, theirs)
    theirs.close()
    ours.close()
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(OSError, match="pipe"):
        hand_over(ours, ours)
    ours.close()
