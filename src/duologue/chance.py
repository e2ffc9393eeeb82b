"""Random numbers and the bytes of ids: what is left to chance, and where a run that is to be repeated takes hold of it.

What has to be secret does not come from here, but from `secrets`.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

__all__ = ["has_own_bytes", "loop_has_own", "random_bytes", "random_number"]

_loops: Final[WeakSet[asyncio.AbstractEventLoop]] = WeakSet()
"""Those with methods of their own. Empty where nothing is to be repeated: then the running loop, which takes a system
call to find, is not asked."""


def loop_has_own(loop: asyncio.AbstractEventLoop) -> None:
    """From now on the loop's methods `random_bytes` and `random_number` are asked wherever it runs."""
    _loops.add(loop)


def random_bytes(n: int) -> bytes:
    """So many bytes: of the running loop's method of this name if it has its own, else of the system."""
    by_loop: Callable[[int], bytes] = _of_loop("random_bytes", secrets.token_bytes)
    return by_loop(n)


def has_own_bytes() -> bool:
    """Whether `random_bytes` are the running loop's, which may be the same in the next run."""
    return _of_loop("random_bytes", None) is not None


def random_number() -> float:
    """A number from 0 to 1: of the running loop's method of this name if it has its own, else of this process."""
    by_loop: Callable[[], float] = _of_loop("random_number", random.random)
    return by_loop()


def _of_loop(name: str, otherwise: Callable[..., Any] | None) -> Any:
    if not _loops:
        return otherwise
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # ids are made before a loop runs, too
        return otherwise
    return getattr(loop, name) if loop in _loops else otherwise
