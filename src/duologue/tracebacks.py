"""Tracebacks keep frames, and their variables, in memory."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from duologue.errors import DuologueError

__all__ = ["anew", "drop_frames_of", "drop_traceback"]

F = TypeVar("F", bound=Exception)


def anew(fault: F) -> F:
    """An exception of ours to be raised in the place of one that is kept for further callers; another one as it is.

    Who raises the kept one gives it the frames of its caller. One of those refers to what keeps it: that is a cycle,
    which keeps a conversation in memory until a full garbage collection.
    """
    if not isinstance(fault, DuologueError):
        return fault.with_traceback(None)
    # Not by its constructor: each class has its own parameters.
    raised = type(fault).__new__(type(fault), *fault.args)
    raised.args = fault.args
    raised.__dict__.update(fault.__dict__)
    raised.__cause__ = fault.__cause__
    raised.__suppress_context__ = fault.__suppress_context__
    return raised


def drop_frames_of(module: str, fault: BaseException) -> None:
    """Drop the frames of a module's functions from an exception's traceback, because they, or their objects, keep it.

    `asyncio.TaskGroup` does, in the frame that raises.
    """
    kept: list[TracebackType] = []
    each = fault.__traceback__
    while each is not None:
        if each.tb_frame.f_globals.get("__name__") != module:
            kept.append(each)
        each = each.tb_next
    fault.__traceback__ = None
    for each in reversed(kept):
        each.tb_next, fault.__traceback__ = fault.__traceback__, each


def drop_traceback(fault: BaseException) -> None:
    """Drop the tracebacks of a reported exception and of its causes.

    If a variable of one of the frames refers to the exception, as in an engine, there is a cycle: it would keep a
    session with all its audio in memory until a full garbage collection.
    """
    left: list[BaseException | None] = [fault]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = None
            left += (each.__cause__, each.__context__)
            left += each.exceptions if isinstance(each, BaseExceptionGroup) else ()
