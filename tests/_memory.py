"""What is still in memory when it ought to be gone."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["nothing_left_of"]


@contextmanager
def nothing_left_of(*kinds: type) -> Generator[None, None, None]:
    """At the end of the block no object of these classes is there that was not before it, without a collection."""

    def there() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, kinds)]

    gc.collect()
    before = {id(each) for each in there()}  # of other tests, which keep an exception as a parameter, and so its frames
    gc.disable()
    try:
        yield
        left = [type(each).__name__ for each in there() if id(each) not in before]
        assert left == [], left
    finally:
        gc.enable()
