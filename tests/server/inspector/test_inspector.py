from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from duologue.server import Inspector
from duologue.server.inspector import inspector as module
from duologue.server.inspector.inspector import TooManyFollowed
from tests.server.inspector._looking import HEADER, begun, end, typed


def ids(inspector: Inspector) -> list[str]:
    return [session.session_id for session in inspector.sessions]


async def test_the_latest_sessions_are_kept_and_those_that_are_over_make_room_first() -> None:
    inspector = Inspector(keep=3)
    first, second, *_ = (begun(inspector, name) for name in ("a", "b", "c"))
    end(second)
    begun(inspector, "d")
    assert ids(inspector) == ["d", "c", "a"]
    begun(inspector, "e")
    assert ids(inspector) == ["e", "d", "c"]
    assert not first.is_kept
    assert first.lines.size_bytes == 0


def test_at_least_one_is_kept() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Inspector(keep=0)


async def test_all_lines_together_have_their_bound() -> None:
    inspector = Inspector(line_bytes=200_000)
    for name in "abcdefgh":
        session = inspector.opened(name, HEADER)
        for count in range(300):
            typed(session, float(count))
        assert sum(each.lines.size_bytes for each in inspector.sessions) <= 200_000


async def test_news_are_beginnings_and_ends() -> None:
    inspector = Inspector()
    for happen in (lambda: begun(inspector), lambda: end(inspector.sessions[0])):
        waiting = asyncio.ensure_future(inspector.news())
        await asyncio.sleep(0)
        assert not waiting.done()
        happen()
        await asyncio.wait_for(waiting, 5)
    assert inspector.rows() == [inspector.sessions[0].row()]


async def test_those_who_look_at_a_call_share_its_fold() -> None:
    inspector = Inspector()
    begun(inspector)
    async with inspector.following("sess_1") as one, inspector.following("sess_1") as other:
        assert one is other
        assert one is not None
        assert one.viewers == 2
    async with inspector.following("sess_2") as none:
        assert none is None


async def test_a_fold_is_given_up_when_nothing_looks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FORGET_S", 0.0)
    inspector = Inspector()
    begun(inspector)
    async with inspector.following("sess_1") as one:
        await asyncio.sleep(0)
        async with inspector.following("sess_1") as same:
            assert same is one
    for _ in range(3):
        await asyncio.sleep(0)
    async with inspector.following("sess_1") as another:
        assert another is not one


async def test_a_fold_that_is_lost_is_made_anew() -> None:
    inspector = Inspector()
    begun(inspector)
    async with inspector.following("sess_1") as one:
        assert one is not None
        one.is_lost = True
        async with inspector.following("sess_1") as another:
            assert another is not None
            assert another.number != one.number


async def test_so_many_calls_are_looked_at_and_no_more() -> None:
    inspector = Inspector()
    for count in range(10):
        begun(inspector, f"s{count}")
    async with AsyncExitStack() as looking:
        for count in range(8):
            await looking.enter_async_context(inspector.following(f"s{count}"))
        with pytest.raises(TooManyFollowed):
            await looking.enter_async_context(inspector.following("s8"))
    async with inspector.following("s8") as call:
        assert call is not None


async def keeps_audio(inspector: Inspector) -> bool:
    """Whether it does when all timers have run."""
    for _ in range(3):
        await asyncio.sleep(0)
    return inspector._ring.is_open


async def test_audio_is_kept_while_the_inspector_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_USE_S", 0.0)
    inspector = Inspector()
    begun(inspector)
    assert not await keeps_audio(inspector)
    async with inspector.following("sess_1"):
        inspector.in_use()
        inspector.in_use()
        assert await keeps_audio(inspector)
    assert not await keeps_audio(inspector)
    inspector.in_use()
    inspector.close()
    assert inspector.sessions == []
    assert not await keeps_audio(inspector)
