"""The file descriptors of the process: their limit, and how many are free."""

from __future__ import annotations

import os
import sys
from typing import Final

__all__ = [
    "descriptor_limit",
    "descriptors_left",
    "descriptors_open",
    "raise_descriptor_limit",
    "reserved_descriptors",
]

_MAX_RAISED: Final = 65_536
"""Enough for every limit; some programs loop over all descriptors that a process could have."""

_MAX_RESERVED: Final = 128
"""For connections to upstreams and MCP servers, files, and connections accepted in one iteration of the event loop."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit on descriptors as far as the hard limit allows, at most to 65,536."""
    if sys.platform == "win32":  # has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_RAISED if hard == resource.RLIM_INFINITY else min(hard, _MAX_RAISED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def reserved_descriptors() -> int:
    """The number of descriptors that connections leave free: an eighth of the limit, at most 128."""
    return min(_MAX_RESERVED, descriptor_limit() // 8)


def descriptors_left() -> int:
    """The descriptors from the lowest free one on, which the next `open` returns. At most so many are free.

    After a burst of connections was cut, the lowest free one lies below others that are in use, and fewer are free.
    """
    try:
        lowest_free = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return 0
    os.close(lowest_free)
    return max(0, descriptor_limit() - lowest_free)


def descriptors_open() -> int:
    """The number of open descriptors, for which all of them are listed: 0.5 us each. 0 where they cannot be listed."""
    try:
        return len(os.listdir("/dev/fd")) - 1  # without the one that listing takes
    except OSError:
        return 0


def descriptor_limit() -> int:
    """The number of descriptors that the process may have."""
    if sys.platform == "win32":
        return _MAX_RAISED
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MAX_RAISED if soft == resource.RLIM_INFINITY else soft
