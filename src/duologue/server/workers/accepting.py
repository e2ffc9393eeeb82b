"""The parent's socket: connections are accepted, and each goes to the emptiest worker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Final, Protocol

from duologue.server.run.listening_socket import listen
from duologue.server.workers.placement import Placement

__all__ = ["Accepting", "Taker"]

_MAX_ACCEPTED: Final = 32
"""Connections in one iteration of the event loop: a worker's acceptor takes as many."""

_RETRY_S: Final = 0.1
"""Until connections are accepted again after no worker could take one, or the descriptors ran out."""


class Taker(Protocol):
    """What takes connections."""

    def hand_over(self, client: socket.socket) -> None:
        """Take a connection; the caller closes its own end. Raises OSError: it does not take it."""
        ...


class Accepting:
    """Accepts between `on` and `off`. It reads nothing of a connection: a client that sends nothing keeps a worker's
    deadline waiting, and not this process."""

    def __init__(self, listening: socket.socket, placement: Placement, workers: Mapping[int, Taker]) -> None:
        """`placement` has the numbers of those of the workers that take connections now."""
        self._listening = listening
        self._placement = placement
        self._workers = workers
        self._reading = False
        self._retry: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Have the system queue connections, and accept them."""
        listen(self._listening)
        self._listening.setblocking(False)
        self._on()

    def release(self) -> None:
        """Hand over what is queued, and close the socket: another process that has it takes what comes."""
        if self._reading:
            self._accept()
        self.close()

    def close(self) -> None:
        """Accept nothing more."""
        self._off()
        if self._retry is not None:
            self._retry.cancel()
        self._listening.close()

    def _on(self) -> None:
        if not self._reading and self._listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listening.fileno(), self._accept)
            self._reading = True

    def _off(self) -> None:
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._listening.fileno())
            self._reading = False

    def _pause(self) -> None:
        """Leave connections in the system's queue for a moment."""
        self._off()
        self._retry = asyncio.get_running_loop().call_later(_RETRY_S, self._on)

    def _accept(self) -> None:
        for _ in range(_MAX_ACCEPTED):
            if not len(self._placement):
                return self._pause()
            try:
                client, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return None
            except OSError:
                return self._pause()
            with client:
                if not self._hand_over(client):
                    return self._pause()
        return None

    def _hand_over(self, client: socket.socket) -> bool:
        """Give a connection to the emptiest worker that takes it. Without any, it is closed."""
        for number in self._placement.emptiest_first():
            try:
                self._workers[number].hand_over(client)
            except ConnectionError:
                self._placement.remove(number)  # it has died
                continue
            except OSError:
                # It has not taken the ones before; or the system has as many descriptors under way as it allows, which
                # says nothing of this worker.
                continue
            self._placement.handed(number)
            return True
        return False
