from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from duologue.transports.own_loop import run_on_own_loop

_WHERE: ContextVar[str] = ContextVar("where", default="")


async def _answer() -> str:
    await asyncio.sleep(0)
    return f"done {_WHERE.get()}"


async def _fault() -> None:
    raise LookupError("none")


def test_it_returns_and_raises_what_the_coroutine_does() -> None:
    _WHERE.set("here")
    assert run_on_own_loop(_answer()) == "done here"
    with pytest.raises(LookupError):
        run_on_own_loop(_fault())


async def test_within_a_running_loop_too_and_with_its_context() -> None:
    _WHERE.set("there")
    assert run_on_own_loop(_answer()) == "done there"
