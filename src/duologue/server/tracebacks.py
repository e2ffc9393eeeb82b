"""Tracebacks keep frames, and their variables, in memory."""

from __future__ import annotations

__all__ = ["drop_traceback"]


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
