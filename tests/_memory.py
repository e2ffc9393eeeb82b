"""What is still in memory when it ought to be gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from types import CoroutineType, FrameType, TracebackType

import pytest

__all__ = ["all_freed", "no_cycles_of_ours", "nothing_left_of"]


@contextmanager
def all_freed(*kinds: type) -> Generator[Callable[[], Awaitable[None]], None, None]:
    """Watches objects of these classes that are made in the block; what it yields returns when none is alive any more.

    Without a collection: it fails after five seconds, and if there were none.
    """
    made: list[weakref.ref[object]] = []
    monkeypatch = pytest.MonkeyPatch()
    for kind in kinds:
        init = kind.__init__  # type: ignore[misc]  # of exactly these classes

        def noted(self: object, *given: object, init: Callable[..., None] = init, **named: object) -> None:
            init(self, *given, **named)
            made.append(weakref.ref(self))

        monkeypatch.setattr(kind, "__init__", noted)

    async def all_gone() -> None:
        assert made, "none was made"
        for _ in range(500):
            if not (left := [each() for each in made if each() is not None]):
                return
            del left
            await asyncio.sleep(0.01)
        raise AssertionError(f"still in memory: {[type(each()).__name__ for each in made if each() is not None]}")

    gc.disable()
    try:
        yield all_gone
    finally:
        gc.enable()
        monkeypatch.undo()


_LARGE = (asyncio.Task, asyncio.Future, asyncio.Event, FrameType, TracebackType, CoroutineType, BaseException)
"""What a cycle of ours has in it, or holds."""


@contextmanager
def no_cycles_of_ours() -> Generator[None, None, None]:
    """What ended in the block has left nothing that only a garbage collection frees, but what the interpreter's own
    library leaves: a transport of asyncio refers to itself."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = sorted({_name(each) for each in gc.garbage if isinstance(each, _LARGE) or _is_of_ours(each)})
        assert left == [], left
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _is_of_ours(each: object) -> bool:
    return type(each).__module__.partition(".")[0] in ("duologue", "websockets")


def _name(each: object) -> str:
    return f"{type(each).__module__}.{type(each).__qualname__}"


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
