"""Keeps a test from connections to anything but the server that it is meant for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final

from duologue.printable import printable_name

__all__ = ["SocketBlocked", "blocked_sockets"]

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class SocketBlocked(RuntimeError):
    """A test with a cassette opens a connection to something else.

    It is no OSError: clients would take that for a network that fails, and try again.
    """


@contextmanager
def blocked_sockets(
    *ports: int, allow: Collection[str] = (), attempts: list[str] | None = None
) -> Generator[None, None, None]:
    """For a block, connections of this process go to these ports of this machine, and to hosts of `allow`, only.

    Others raise SocketBlocked, and are added to `attempts`. Sockets of this machine's file system are not concerned;
    neither are event loops that do not use Python's sockets, such as uvloop's.
    """
    guard = _Guard(frozenset(ports), frozenset(allow), attempts if attempts is not None else [])
    originals = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    resolve, pair = socket.getaddrinfo, socket.socketpair

    def guarded(name: str) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            try:
                guard.check(self.family, address)
            except SocketBlocked:
                self.close()  # callers do so for an OSError only
                raise
            return originals[name](self, address)

        return connect

    def getaddrinfo(host: Any, *arguments: Any, **keywords: Any) -> Any:
        guard.check_name(host)
        found = resolve(host, *arguments, **keywords)
        guard.resolved(host, found)
        return found

    def socketpair(*arguments: Any, **keywords: Any) -> Any:
        with guard.own_pair():
            return pair(*arguments, **keywords)

    try:
        for name in originals:
            setattr(socket.socket, name, guarded(name))
        socket.getaddrinfo, socket.socketpair = getaddrinfo, socketpair
        yield
    finally:
        for name, original in originals.items():
            setattr(socket.socket, name, original)
        socket.getaddrinfo, socket.socketpair = resolve, pair


class _Guard:
    def __init__(self, ports: frozenset[int], allowed: frozenset[str], attempts: list[str]) -> None:
        self._ports = ports
        self._allowed = set(allowed)
        self._attempts = attempts
        self._thread = threading.local()

    @contextmanager
    def own_pair(self) -> Generator[None, None, None]:
        """For a block, this thread connects two sockets of its own: event loops do so on Windows."""
        self._thread.pairs = True
        try:
            yield
        finally:
            self._thread.pairs = False

    def check(self, family: int, address: Any) -> None:
        if family not in (socket.AF_INET, socket.AF_INET6) or getattr(self._thread, "pairs", False):
            return
        host, port = str(address[0]), address[1]
        if host in self._allowed or (port in self._ports and host in _THIS_MACHINE):
            return
        self._refuse(f"{host}:{port}", host)

    def check_name(self, host: Any) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name is None or name in _THIS_MACHINE or name in self._allowed or _is_address(name):
            return
        self._refuse(str(name), str(name))

    def resolved(self, host: Any, found: Collection[tuple[Any, ...]]) -> None:
        """An allowed name has these addresses, which are allowed too."""
        if host in self._allowed:
            self._allowed.update(str(each[4][0]) for each in found)

    def _refuse(self, where: str, host: str) -> None:
        shown, host = printable_name(where), printable_name(host)
        if shown not in self._attempts:
            self._attempts.append(shown)
        raise SocketBlocked(
            f"this test plays a cassette, and opens a connection to {shown}; allow={[host]} in its marker allows that"
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
