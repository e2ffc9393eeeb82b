"""Sockets on their way from the parent to a worker."""

from __future__ import annotations

import socket
import sys
from typing import Final

from duologue.server.run.acceptor import Acceptor

__all__ = ["HandedSockets", "hand_over"]

_MARK: Final = b"+"
"""One byte a socket: descriptors travel with data."""


def hand_over(way: socket.socket, client: socket.socket) -> None:
    """Send a connection to a worker; the caller closes its own end of it.

    Raises:
        BlockingIOError: the worker has not taken the ones before.
        OSError: the worker has died.
    """
    assert sys.platform != "win32", "the command says before that Windows has no workers"
    socket.send_fds(way, [_MARK], [client.fileno()])


class HandedSockets(Acceptor):
    """Takes the connections that the parent hands over, in place of listening."""

    taken: int = 0
    """So many since the start of this process, which has one of these."""

    def prepare(self, listening: socket.socket) -> None:
        """Does nothing: the parent listens."""

    def take(self, listening: socket.socket) -> tuple[socket.socket, str]:
        """See `Acceptor`."""
        assert sys.platform != "win32"
        data, descriptors, _, _ = socket.recv_fds(listening, 1, 1)
        if not data:
            # The parent has died, which the control channel says too.
            self.stop()
            raise BlockingIOError
        if not descriptors:
            self.arrived()
            raise ConnectionAbortedError  # the descriptors of this process ran out
        client = socket.socket(fileno=descriptors[0])
        try:
            return client, client.getpeername()[0]
        except OSError:
            client.close()
            self.arrived()
            raise ConnectionAbortedError from None

    def arrived(self) -> None:
        """See `Acceptor`."""
        type(self).taken += 1
        self._edge.changed.set()
