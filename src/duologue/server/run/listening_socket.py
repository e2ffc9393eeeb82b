"""The socket on which a server listens: one of its own, or one that another process has opened for it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import MutableMapping
from typing import Final

from duologue.errors import DuologueError
from duologue.server.http.paths import PATH

__all__ = ["MAX_QUEUED", "adopt", "bind", "listen", "passed_descriptor", "url_of"]

_LAST_PORT: Final = 65535

MAX_QUEUED: Final = 2048
"""Connections that the system queues until they are accepted."""

_FIRST_PASSED: Final = 3
"""The first descriptor that systemd passes: https://www.freedesktop.org/software/systemd/man/sd_listen_fds.html"""


def bind(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A socket with this address. With `reuse_port` another process of the same user may have it at the same time.

    Raises:
        DuologueError: the address cannot be used, or the system does not share ports.
    """
    if not 0 <= port <= _LAST_PORT:
        raise DuologueError(f"cannot listen on {host}:{port}: ports end at {_LAST_PORT}")
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise DuologueError(f"cannot share {host}:{port}: this system has no SO_REUSEPORT")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, reuse_port=reuse_port)
    except OSError as fault:
        raise DuologueError(f"cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
    # With the protocol TCP, which `create_server` leaves at 0: only then does asyncio set TCP_NODELAY on accepted
    # sockets. Nagle's algorithm would delay a small message until the client's next one, or for 40 ms.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())


def adopt(descriptor: int) -> socket.socket:
    """The socket with this descriptor, which the process was started with.

    Raises:
        DuologueError: there is none, or it is no TCP socket with an address.
    """
    if sys.platform == "win32":
        raise DuologueError("Windows passes no sockets to other programs: use --host and --port")
    try:
        adopted = socket.socket(fileno=descriptor)
    except OSError as fault:
        raise DuologueError(f"descriptor {descriptor} is no socket: {fault.strerror or fault}") from fault
    is_tcp = adopted.family in (socket.AF_INET, socket.AF_INET6) and adopted.type == socket.SOCK_STREAM
    if not is_tcp or not adopted.getsockname()[1]:
        adopted.detach()
        raise DuologueError(f"descriptor {descriptor} is no TCP socket that is bound to a port")
    adopted.set_inheritable(False)
    return adopted


def passed_descriptor(environment: MutableMapping[str, str]) -> int | None:
    """The descriptor that systemd has passed to this process (socket activation); None: it has passed none.

    The variables are removed, so that no child takes them for its own.

    Raises:
        DuologueError: there are several.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = environment.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environment.pop(name, None)
    if count != "1":
        raise DuologueError(f"systemd passes {count or 'no'} sockets: a server listens on one (a single ListenStream=)")
    return _FIRST_PASSED


def url_of(listening: socket.socket, *, tls: bool) -> str:
    """The URL of sessions at this socket."""
    host, port = listening.getsockname()[:2]
    return f"{'wss' if tls else 'ws'}://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def listen(bound: socket.socket) -> None:
    """Have the system queue connections to this address. An iteration of the event loop accepts fewer, which must fit
    into the reserved descriptors."""
    bound.listen(MAX_QUEUED)
