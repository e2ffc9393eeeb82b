"""What is still in memory when it ought to be gone."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["nothing_left_of"]


@contextmanager
def nothing_left_of(*kinds: type) -> Generator[None, None, None]:
    """At the end of the block no object of these classes is there that was not before it, without a collection."""
    gc.collect()
    # Out of the collector's sight, for good: the list below then holds what is new, and not the whole process.
    gc.freeze()
    gc.disable()
    try:
        yield
        left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)]
        assert left == [], left
    finally:
        gc.enable()
