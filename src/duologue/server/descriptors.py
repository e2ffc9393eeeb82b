"""The file descriptors of the process: their limit, and how many are free."""

from __future__ import annotations

import os
import sys
from typing import Final

__all__ = ["descriptors_left", "raise_descriptor_limit", "reserved_descriptors"]

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
    return min(_MAX_RESERVED, _limit() // 8)


def descriptors_left() -> int:
    """A lower bound of the free descriptors: those above the lowest free one, which the next `open` returns."""
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
