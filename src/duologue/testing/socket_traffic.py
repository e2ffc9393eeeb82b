"""Whether the kernel still carries bytes between the sockets of this process: then both ends look quiet, and are not.

Loopback delivers at once, but a sender may be held back, by a window or by the pacing of its congestion control, and
that in real time. Linux says what has not left yet, and what has come to the other end. Elsewhere nothing counts as
under way.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["SocketTraffic"]

_INFO_BYTES: Final = 216
"""Of `struct tcp_info` (include/uapi/linux/tcp.h) up to `tcpi_bytes_retrans`, which Linux has since 4.19."""

_COUNTS: Final = struct.Struct("@128xQ8xI52xQQ")
"""`tcpi_bytes_received`, `tcpi_notsent_bytes`, `tcpi_bytes_sent` and `tcpi_bytes_retrans`."""

_IS_LINUX: Final = sys.platform == "linux"


class SocketTraffic:
    """The connections of an event loop, by their descriptors."""

    def __init__(self) -> None:
        self._ends: dict[int, _End] = {}
        self._is_joined = True
        """Whether each end knows its other one, as far as that is known."""

    def add(self, descriptor: int) -> None:
        """Watch a descriptor; what is no TCP connection is left out."""
        if not _IS_LINUX:
            return
        with suppress(OSError):  # no socket
            watched = socket.socket(fileno=descriptor)
            is_tcp = watched.family in (socket.AF_INET, socket.AF_INET6) and watched.type == socket.SOCK_STREAM
            if is_tcp and not watched.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                self._ends[descriptor] = _End(watched)
                self._is_joined = False
            else:
                watched.detach()

    def remove(self, descriptor: int) -> None:
        """Watch a descriptor no more. It is still open: it belongs to its transport, which closes it."""
        if (end := self._ends.pop(descriptor, None)) is not None:
            end.watched.detach()
            self._is_joined = False

    def close(self) -> None:
        """Watch nothing any more."""
        for descriptor in tuple(self._ends):
            self.remove(descriptor)

    def is_under_way(self) -> bool:
        """Whether bytes that were written have not left, or have not come to an end that is watched."""
        if not self._is_joined:
            self._join()
        ends = self._ends.values()
        for end in ends:
            end.count()
        return any(end.is_under_way and end.state != end.given_up for end in ends)

    def give_up(self) -> None:
        """Nothing has moved for long: what is under way waits for an end that does not read."""
        for end in self._ends.values():
            end.given_up = end.state

    def _join(self) -> None:
        by_name = {end.names: end for end in self._ends.values() if end.find_names()}
        for end in self._ends.values():
            end.other = by_name.get(end.names[::-1])
        self._is_joined = len(by_name) == len(self._ends)


class _End:
    """One end of a connection."""

    __slots__ = ("_counted", "given_up", "names", "other", "received", "sent", "unsent", "watched")

    def __init__(self, watched: socket.socket) -> None:
        self.watched = watched
        self._counted: Callable[[int, int, int], bytes] = watched.getsockopt
        self.names: tuple[object, ...] = ()
        """Addresses of this end and of the other one; nothing while it is being connected."""
        self.other: _End | None = None
        self.given_up: tuple[int, int, int] | None = None
        self.unsent = self.sent = self.received = 0

    def find_names(self) -> bool:
        """Find both addresses; False while it is being connected."""
        if not self.names:
            with suppress(OSError):
                self.names = (self.watched.getsockname(), self.watched.getpeername())
        return bool(self.names)

    def count(self) -> None:
        """Ask the kernel."""
        with suppress(OSError, struct.error):  # it knows less than these
            counted = self._counted(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
            self.received, self.unsent, sent, again = _COUNTS.unpack_from(counted)
            self.sent = sent - again

    @property
    def is_under_way(self) -> bool:
        """Whether bytes have not left, or not come. A close counts as one that was received."""
        return self.unsent > 0 or (self.other is not None and self.other.received < self.sent)

    @property
    def state(self) -> tuple[int, int, int]:
        """What changes as bytes move."""
        return (self.unsent, self.sent, self.other.received if self.other is not None else 0)
