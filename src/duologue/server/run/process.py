"""What suits a process that only serves: its event loop, its garbage collector, its allocator."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import platform
from collections.abc import Callable
from typing import Final

__all__ = ["glibc", "loop_factory", "tune_process"]

_COLLECTOR_THRESHOLDS: Final = (1_000, 5, 1_000)
"""A collection blocks the event loop for 1 ms per thousand objects: with these thresholds, 1 ms for generation 0 and 5
ms for generation 1. A full collection visits every session, 45 ms for three hundred calls; by Python's thresholds of
700, 10 and 10 it ran every few seconds. Sessions and connections leave no cycle, as tests check."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""Numbers of `mallopt`'s parameters: https://man7.org/linux/man-pages/man3/mallopt.3.html"""

_ALLOCATION: Final = (
    # Threads share one heap: `malloc_trim` gives back what it has at its end, but nothing of threads' own heaps, which
    # keep up to 64 MB each.
    (_M_ARENA_MAX, 1),
    # Blocks from 16 MiB on, longer than a message may be, go back to the system when they are freed. Smaller ones are
    # used again: a page is as long to fetch as 10 kB are to copy, and each message is copied several times.
    (_M_MMAP_THRESHOLD, 16 * 1024 * 1024),
    # Two of those may stay at the end of the heap between two trims.
    (_M_TRIM_THRESHOLD, 32 * 1024 * 1024),
)
"""Options of glibc's allocator. By itself it raises the second to the largest block that was freed, up to 32 MiB, and
the third to twice that."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The factory of the fastest event loop: uvloop's if it is installed; None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def tune_process() -> None:
    """Make garbage collections rare, exempt all objects so far, and have glibc keep little free memory.

    For a process that only serves: these are settings of the whole process. Call it before threads are started.
    """
    if (libc := glibc()) is not None:
        for option, value in _ALLOCATION:
            libc.mallopt(option, value)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def glibc() -> ctypes.CDLL | None:
    """The C library, if it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
