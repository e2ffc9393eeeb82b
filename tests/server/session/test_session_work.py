from __future__ import annotations

import asyncio

from duologue.server.session.session_work import SessionWork


async def test_work_is_under_way_until_it_is_done_and_optional_work_is_not() -> None:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    work, go_on = SessionWork(count), asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    async with asyncio.TaskGroup() as tasks:
        work.use(tasks)
        ahead = work.start_ahead("ahead", wait())
        under_way = [work.is_under_way]
        work.start("respond resp_1", wait())
        work.start("respond resp_2", wait())
        under_way.append(work.is_under_way)
        assert (under_way, len(list(work))) == ([False, True], 3)
        work.cancel("respond resp_2")
        work.cancel("ahead")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (done, ahead.done()) == (1, False)
        go_on.set()
    await asyncio.sleep(0)
    assert (done, work.is_under_way, list(work)) == (2, False, [])
    work.close()


async def test_nothing_is_told_once_the_session_is_over() -> None:
    def fail() -> None:
        raise AssertionError

    work = SessionWork(fail)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        work.use(tasks)
        work.start("transcribe item_1", asyncio.sleep(0))
        work.close()
