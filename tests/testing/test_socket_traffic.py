"""What the kernel carries between two sockets of one process."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Generator
from contextlib import closing, suppress

import pytest

from duologue.testing.socket_traffic import SocketTraffic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is under way")


@pytest.fixture
def ends() -> Generator[tuple[socket.socket, socket.socket], None, None]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
        other, _ = server.accept()
        with other:
            one.setblocking(False)
            other.settimeout(5)
            yield one, other


def watching(*sockets: socket.socket) -> SocketTraffic:
    traffic = SocketTraffic()
    for each in sockets:
        traffic.add(each.fileno())
    return traffic


def fill(end: socket.socket) -> int:
    """Write until the kernel takes no more; returns how much."""
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += end.send(bytes(65_536))
    return sent


def test_what_has_come_is_not_under_way(ends: tuple[socket.socket, socket.socket]) -> None:
    one, other = ends
    with closing(watching(one, other)) as traffic:
        assert not traffic.is_under_way()
        one.send(b"x" * 1000)
        assert other.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
        assert not traffic.is_under_way()


def test_what_has_not_left_is_under_way_until_it_is_given_up_or_read(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    one, other = ends
    with closing(watching(one, other)) as traffic:
        sent = fill(one)
        assert traffic.is_under_way()
        for _ in range(100):  # the kernel may still move some of it
            traffic.give_up()
            if not traffic.is_under_way():
                break
        else:
            pytest.fail("it moves without an end")
        while sent:
            sent -= len(other.recv(sent))
        assert not traffic.is_under_way()
        sent = fill(one)
        assert traffic.is_under_way()


def test_an_end_that_is_not_watched_is_known_by_what_has_not_left(ends: tuple[socket.socket, socket.socket]) -> None:
    one, _ = ends
    with closing(watching(one)) as traffic:
        one.send(b"x")
        assert not traffic.is_under_way()
        fill(one)
        assert traffic.is_under_way()
        traffic.remove(one.fileno())
        assert not traffic.is_under_way()
    assert one.fileno() >= 0, "it was closed, and is not its own"
    one.getpeername()


def test_a_closed_connection_has_nothing_under_way(ends: tuple[socket.socket, socket.socket]) -> None:
    one, other = ends
    with closing(watching(one, other)) as traffic:
        one.send(b"x")
        one.shutdown(socket.SHUT_WR)
        assert other.recv(5) == b"x"
        assert other.recv(5) == b""
        assert not traffic.is_under_way()


def test_what_is_no_connection_is_left_out() -> None:
    reading, writing = os.pipe()
    left, right = socket.socketpair()
    try:
        with left, right, socket.create_server(("127.0.0.1", 0)) as server:
            traffic = watching(server, left)
            traffic.add(reading)
            left.send(b"x")
            assert not traffic.is_under_way()
            traffic.remove(reading)
    finally:
        os.close(reading)
        os.close(writing)
