"""Streams between two workers, on their way over the parent: a worker sends an end and the other one's number."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final

__all__ = ["pass_stream", "streams_pair", "take_stream"]

_NUMBER_BYTES: Final = 4


def streams_pair() -> tuple[socket.socket, socket.socket]:
    """The parent's end and a worker's. Every stream is a datagram, so that none is read in two parts."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for each in pair:
        each.setblocking(False)
    return pair


def pass_stream(way: socket.socket, number: int, end: int) -> None:
    """Send one end of a stream, a descriptor, to the worker of this number, or to the parent for it; the caller closes
    its own.

    Raises:
        OSError: the other side has died, or does not take the ones before.
    """
    assert sys.platform != "win32", "the command says before that Windows has no workers"
    socket.send_fds(way, [number.to_bytes(_NUMBER_BYTES, "big")], [end])


def take_stream(way: socket.socket) -> tuple[int, int] | None:
    """The number of a worker, and the descriptor that was sent for it; None: it was lost on its way, because the
    descriptors of this process ran out.

    Raises:
        OSError: there is none now.
    """
    assert sys.platform != "win32", "the command says before that Windows has no workers"
    data, descriptors, _, _ = socket.recv_fds(way, _NUMBER_BYTES, 1)
    if len(data) == _NUMBER_BYTES and descriptors:
        return int.from_bytes(data, "big"), descriptors[0]
    for each in descriptors:
        os.close(each)
    return None
