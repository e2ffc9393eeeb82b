"""The process's table of file descriptors: how large it may get, and whether it is nearly full."""

from __future__ import annotations

import os
import sys
from typing import Final

__all__ = ["descriptors_left", "raise_descriptor_limit", "reserved_descriptors"]

_MAX_RAISED: Final = 65_536
"""Enough for every limit here; some tools walk through all descriptors that a process could have."""

_MAX_RESERVED: Final = 128
"""Connections to upstreams and MCP servers, files, and what is accepted in one turn of the event loop."""


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
    """How many descriptors connections leave free: an eighth of the limit, at most 128."""
    return min(_MAX_RESERVED, _limit() // 8)


def descriptors_left() -> int:
    """At least how many descriptors are free. Takes the one that is given out next, which is the lowest free one."""
    try:
        lowest_free = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return 0
    os.close(lowest_free)
    return max(0, _limit() - lowest_free)


def _limit() -> int:
    if sys.platform == "win32":
        return _MAX_RAISED
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MAX_RAISED if soft == resource.RLIM_INFINITY else soft
