"""Connections that a test with a cassette may open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator

import pytest

from duologue.testing.cassettes.blocked_sockets import SocketBlocked, blocked_sockets


@pytest.fixture
def port() -> Generator[int, None, None]:
    """Of this machine, where something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def other() -> Generator[int, None, None]:
    """Another one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def reached(host: str, port: int) -> bool:
    with socket.create_connection((host, port), timeout=5):
        return True


def test_the_cassette_is_reached_and_nothing_else_is(port: int, other: int) -> None:
    attempts: list[str] = []
    with blocked_sockets(port, attempts=attempts):
        assert reached("127.0.0.1", port)
        assert reached("localhost", port)
        with pytest.raises(SocketBlocked, match=rf"opens a connection to 127.0.0.1:{other}; allow=\['127.0.0.1'\]"):
            reached("127.0.0.1", other)
        with socket.socket() as one, pytest.raises(SocketBlocked):
            one.connect_ex(("127.0.0.1", other))
    assert attempts == [f"127.0.0.1:{other}"]
    assert reached("127.0.0.1", other)


def test_names_are_not_even_looked_up(port: int) -> None:
    with blocked_sockets(port), pytest.raises(SocketBlocked, match=r"opens a connection to api\.example\.com"):
        reached("api.example.com", 443)


def test_a_host_may_be_allowed_by_address_or_name(port: int, other: int) -> None:
    with blocked_sockets(port, allow=["127.0.0.1"]):
        assert reached("127.0.0.1", other)
    with blocked_sockets(port, allow=["localhost"]):
        assert reached("localhost", other)


async def test_it_holds_for_event_loops(port: int, other: int) -> None:
    with blocked_sockets(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        with pytest.raises(SocketBlocked):
            await asyncio.open_connection("127.0.0.1", other)


def test_a_new_event_loop_has_its_own_pair_of_sockets(port: int) -> None:
    with blocked_sockets(port):
        one, two = socket.socketpair()
        with one, two:
            one.sendall(b"a")
            assert two.recv(1) == b"a"
        asyncio.run(asyncio.sleep(0))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this platform has no such sockets")
def test_sockets_of_the_file_system_are_not_concerned(port: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        with blocked_sockets(port):
            client.connect(path)


def test_all_is_as_before_also_after_an_error(port: int) -> None:
    before = (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo, socket.socketpair)
    with pytest.raises(KeyError), blocked_sockets(port):
        raise KeyError
    assert (socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo, socket.socketpair) == before
