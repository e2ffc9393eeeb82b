"""Frames that an exception refers to are released."""

from __future__ import annotations

import asyncio

import pytest

from duologue.errors import ConnectionClosedError, DuologueError, LocalProtocolError, MissingExtra, SessionLost
from duologue.tracebacks import anew, drop_frames_of, drop_traceback


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


@pytest.mark.parametrize(
    "kept",
    [
        ConnectionClosedError(1006, "cut"),
        SessionLost("cut", code=1006, session_id="s", can_fork=True),
        MissingExtra("x", extra="audio"),
        LocalProtocolError("no"),
    ],
)
def test_what_is_raised_anew_says_the_same_and_leaves_the_kept_one_without_frames(kept: DuologueError) -> None:
    kept.__cause__ = ValueError()
    with pytest.raises(type(kept)) as raised:
        raise anew(kept)
    again = raised.value
    assert (type(again), str(again), vars(again)) == (type(kept), str(kept), vars(kept))
    assert again.__cause__ is kept.__cause__
    assert again.__traceback__ is not None
    assert again is not kept
    assert kept.__traceback__ is None


def test_an_exception_of_others_is_raised_as_it_is() -> None:
    fault = UnicodeDecodeError("utf-8", b"", 0, 1, "no")
    assert anew(fault) is fault


async def test_frames_of_a_module_are_dropped_and_the_others_stay_in_order() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.TaskGroup():
            raise ValueError
    fault = raised.value
    module = asyncio.TaskGroup.__module__
    assert module in _modules(fault)
    drop_frames_of(module, fault)
    assert _modules(fault) == [__name__]


def _modules(fault: BaseException) -> list[str]:
    found, each = [], fault.__traceback__
    while each is not None:
        found.append(each.tb_frame.f_globals["__name__"])
        each = each.tb_next
    return found
