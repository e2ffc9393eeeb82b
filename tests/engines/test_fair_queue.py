"""The fair queue admits by priority, and owners by turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.engines.fair_queue import FairQueue, Priority
from duologue.errors import EngineError


class Visitors:
    """All calls that wait, and those inside; a call leaves when the test says so."""

    def __init__(self, fair_queue: FairQueue, tasks: asyncio.TaskGroup) -> None:
        self.inside: list[str] = []
        self._fair_queue = fair_queue
        self._tasks = tasks
        self._leave: dict[str, asyncio.Event] = {}
        self._visits: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, owner: str, priority: Priority = Priority.FINAL) -> None:
        """One more wants in."""
        self._leave[name] = asyncio.Event()
        self._visits[name] = self._tasks.create_task(self._visit(name, owner, priority))
        await self._settle()

    async def leave(self, name: str) -> None:
        """One goes."""
        self._leave[name].set()
        await self._settle()

    async def give_up(self, name: str) -> None:
        """One is cancelled, inside or in the queue."""
        self._visits[name].cancel()
        await self._settle()

    async def empty(self) -> list[str]:
        """Let all go, one after the other; returns the order in which they were let in."""
        order: list[str] = []
        while self.inside:
            order.append(self.inside[0])
            await self.leave(self.inside[0])
        return order

    async def _visit(self, name: str, owner: str, priority: Priority) -> None:
        async with self._fair_queue.place(owner, priority):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def visitors(places: int, max_waiting: int = 256) -> AsyncGenerator[Visitors, None]:
    """A fair queue; calls that are left at the end are let through."""
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        people = Visitors(FairQueue(places, max_waiting=max_waiting), tasks)
        yield people
        await people.empty()


async def test_no_more_are_inside_than_there_are_places() -> None:
    async with visitors(2) as people:
        for name in "abc":
            await people.come(name, name)
        assert people.inside == ["a", "b"]
        await people.leave("a")
        assert people.inside == ["b", "c"]


async def test_the_urgent_go_first_whenever_they_came() -> None:
    async with visitors(1) as people:
        await people.come("first", "a")
        await people.come("guess", "a", Priority.PARTIAL)
        await people.come("foreseen", "b", Priority.AHEAD)
        await people.come("final", "c")
        assert await people.empty() == ["first", "final", "foreseen", "guess"]


async def test_one_owner_with_fifty_wishes_does_not_keep_the_others_waiting() -> None:
    async with visitors(1) as people:
        for number in range(50):
            await people.come(f"a{number}", "a")
        for owner in "bcd":
            await people.come(owner, owner)
        assert (await people.empty())[:5] == ["a0", "a1", "b", "c", "d"]


async def test_guesses_leave_the_last_place_of_several_free() -> None:
    async with visitors(2) as people:
        await people.come("guess 1", "a", Priority.PARTIAL)
        await people.come("guess 2", "b", Priority.PARTIAL)
        assert people.inside == ["guess 1"]
        await people.come("final", "c")
        assert people.inside == ["guess 1", "final"]
        await people.leave("final")
        assert people.inside == ["guess 1"]
        await people.leave("guess 1")
        assert people.inside == ["guess 2"]


async def test_who_gives_up_in_the_queue_is_skipped_and_who_gives_up_inside_makes_room() -> None:
    async with visitors(1) as people:
        for name in "abcd":
            await people.come(name, name)
        await people.give_up("b")
        await people.give_up("a")
        assert people.inside == ["c"]
        await people.leave("c")
        assert people.inside == ["d"]


async def test_who_gives_up_when_already_let_in_passes_the_place_on() -> None:
    fair_queue = FairQueue(1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        async with fair_queue.place("a", Priority.FINAL):
            unlucky = tasks.create_task(_pass(fair_queue, "b"))
            lucky = tasks.create_task(_pass(fair_queue, "c"))
            await asyncio.sleep(0)
        unlucky.cancel()  # the place is given, and the task has not run since
        assert await lucky == "c"
    assert unlucky.cancelled()


async def test_many_may_give_up_at_once() -> None:
    fair_queue = FairQueue(1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        async with fair_queue.place("a", Priority.FINAL):
            unlucky = [tasks.create_task(_pass(fair_queue, "b")) for _ in range(3)]
            lucky = tasks.create_task(_pass(fair_queue, "c"))
            await asyncio.sleep(0)
            for task in unlucky:
                task.cancel()  # and before any of them runs, the place is free
        assert await lucky == "c"
        assert await _pass(fair_queue, "d") == "d"


async def _pass(fair_queue: FairQueue, owner: str) -> str:
    async with fair_queue.place(owner, Priority.FINAL):
        return owner


async def test_more_than_the_limit_may_not_wait_and_one_owner_has_half_of_it() -> None:
    async with visitors(1, max_waiting=4) as people:
        await people.come("inside", "a")
        for number in range(2):
            await people.come(f"a{number}", "a")
        fair_queue = people._fair_queue
        with pytest.raises(EngineError, match="overloaded: 2 utterances wait"):
            await _pass(fair_queue, "a")
        await people.come("b", "b")
        await people.come("c", "c")
        with pytest.raises(EngineError, match="overloaded: 4 utterances wait"):
            await _pass(fair_queue, "d")
