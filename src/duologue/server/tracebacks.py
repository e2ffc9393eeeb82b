"""What an exception holds on to: the frames that it passed through, with all that they know."""

from __future__ import annotations

__all__ = ["drop_traceback"]


def drop_traceback(fault: BaseException) -> None:
    """Let go of the frames that an exception and its causes passed through, once it has been reported.

    An exception that stands in a variable of such a frame, as an engine's may, is a cycle: it would keep a session with
    all its audio in memory until a full collection.
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
