from __future__ import annotations

import os
import socket
from contextlib import closing

import pytest

from duologue.errors import DuologueError
from duologue.server.run.listening_socket import adopt, bind, passed_descriptor, url_of


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_the_url_names_the_port_that_was_free(host: str, shown: str) -> None:
    with closing(bind(host, 0)) as listening:
        port = listening.getsockname()[1]
        assert url_of(listening, tls=False) == f"ws://{shown}:{port}/v1/realtime"
        assert url_of(listening, tls=True) == f"wss://{shown}:{port}/v1/realtime"


def test_a_socket_sends_small_messages_at_once() -> None:
    with closing(bind("127.0.0.1", 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_a_port_is_shared_where_both_wish_it_and_else_not() -> None:
    with closing(bind("127.0.0.1", 0, reuse_port=True)) as one:
        port = one.getsockname()[1]
        bind("127.0.0.1", port, reuse_port=True).close()
        one.listen()
        with pytest.raises(DuologueError, match=f"cannot listen on 127.0.0.1:{port}"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(DuologueError, match="ports end at 65535"):
        bind("127.0.0.1", port)


def test_a_socket_of_another_process_is_adopted_and_goes_to_no_child() -> None:
    with closing(bind("127.0.0.1", 0)) as bound:
        descriptor = os.dup(bound.fileno())
        os.set_inheritable(descriptor, True)
        with closing(adopt(descriptor)) as adopted:
            assert adopted.getsockname() == bound.getsockname()
            assert not adopted.get_inheritable()


def test_what_is_no_bound_tcp_socket_is_not_adopted_and_stays_open() -> None:
    read, write = os.pipe()
    with closing(socket.socket()) as unbound, closing(socket.socket(type=socket.SOCK_DGRAM)) as udp:
        udp.bind(("127.0.0.1", 0))
        for descriptor in (read, unbound.fileno(), udp.fileno()):
            with pytest.raises(DuologueError, match=f"descriptor {descriptor} is no"):
                adopt(descriptor)
            os.fstat(descriptor)
    os.close(read)
    os.close(write)


def test_systemd_s_socket_is_that_of_this_process_and_of_no_child() -> None:
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "OTHER": "1"}
    assert passed_descriptor(environment) == 3
    assert environment == {"OTHER": "1"}
    assert passed_descriptor({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) is None
    assert passed_descriptor({}) is None
    with pytest.raises(DuologueError, match="systemd passes 2 sockets"):
        passed_descriptor({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})
