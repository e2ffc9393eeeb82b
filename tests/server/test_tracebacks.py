"""Frames that an exception refers to are released."""

from __future__ import annotations

from duologue.server.tracebacks import drop_traceback


def test_an_exception_its_causes_and_those_of_a_group_lose_their_frames() -> None:
    try:
        try:
            try:
                raise ValueError("inner")
            except ValueError as cause:
                raise KeyError("outer") from cause
        except KeyError as one:
            raise ExceptionGroup("all", [one]) from None
    except ExceptionGroup as fault:
        group, outer = fault, fault.exceptions[0]
    inner = outer.__cause__
    assert inner is not None
    assert None not in (group.__traceback__, outer.__traceback__, inner.__traceback__)
    drop_traceback(group)
    assert [each.__traceback__ for each in (group, outer, inner)] == [None, None, None]


def test_exceptions_that_refer_to_each_other_end() -> None:
    one, other = ValueError(), KeyError()
    one.__context__, other.__context__ = other, one
    drop_traceback(one)
    assert one.__context__ is other
