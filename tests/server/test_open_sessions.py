from __future__ import annotations

import asyncio

import pytest

from duologue.server.limits import Limits
from duologue.server.open_sessions import DrainManner, OpenSessions
from duologue.server.rejections import Rejection


class Served:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        """Serve nothing."""

    def drain(self) -> None:
        self.asked.append("drain")

    def stop(self) -> None:
        self.asked.append("stop")
        self.stopped.set()


def ready(limits: Limits | None = None) -> OpenSessions:
    sessions = OpenSessions(limits or Limits())
    sessions.ready = True
    return sessions


def refused(sessions: OpenSessions, owner: str = "key 1") -> str | None:
    try:
        sessions.check_room(owner)
    except Rejection as rejection:
        return rejection.name
    return None


async def test_there_is_room_while_the_server_is_ready_and_does_not_drain() -> None:
    sessions = OpenSessions(Limits())
    assert refused(sessions) == "not_ready"
    sessions.ready = True
    assert refused(sessions) is None
    await sessions.drain()
    assert refused(sessions) == "draining"


async def test_sessions_are_counted_for_their_length_in_total_and_by_owner() -> None:
    sessions = ready(Limits(sessions=3, max_sessions_per_owner=2))
    with sessions.counted(Served(), "key 1"), sessions.counted(Served(), "key 1"):
        assert (len(sessions), refused(sessions), refused(sessions, "key 2")) == (2, "owner_sessions", None)
        with sessions.counted(Served(), "key 2"):
            assert refused(sessions, "key 3") == "full"
    assert (len(sessions), refused(sessions)) == (0, None)


async def test_draining_waits_for_each_session() -> None:
    sessions, session = ready(), Served()
    with sessions.counted(session, "key 1"):
        draining = asyncio.ensure_future(sessions.drain())
        await asyncio.sleep(0)
        assert (session.asked, draining.done()) == (["drain"], False)
    await asyncio.wait_for(draining, 5)


@pytest.mark.parametrize(("manner", "asked"), [("now", ["stop"]), ("turn", ["drain"]), ("end", [])])
async def test_a_drain_has_three_manners(manner: DrainManner, asked: list[str]) -> None:
    sessions, session = ready(), Served()
    with sessions.counted(session, "key 1"):
        draining = asyncio.ensure_future(sessions.drain(manner=manner))
        await asyncio.sleep(0)
        assert (session.asked, draining.done()) == (asked, False)
    await asyncio.wait_for(draining, 5)


class Counting:
    """A supervisor that has so many places."""

    number = 1
    replaced = False

    def __init__(self, places: int) -> None:
        self.places = places

    async def enter(self, owner: str, *, maximum: int, owner_maximum: int | None) -> None:
        if not self.places:
            raise Rejection("full")
        self.places -= 1

    def leave(self, owner: str) -> None:
        self.places += 1

    async def figures(self) -> tuple[bytes, str]:
        return b"", ""

    def request_drain(self, manner: DrainManner) -> None:
        """End nothing."""


async def test_a_supervisor_counts_the_places_of_all_its_workers() -> None:
    counting = Counting(1)
    sessions = OpenSessions(Limits(), supervisor=counting)
    sessions.ready = True
    with await sessions.place("a"):
        with pytest.raises(Rejection):
            await sessions.place("b")
        assert counting.places == 0
    assert counting.places == 1


@pytest.mark.usefixtures("idle_clock")
async def test_sessions_that_take_too_long_are_stopped() -> None:
    sessions, session = ready(Limits(drain_s=3)), Served()
    counted = sessions.counted(session, "key 1")
    with counted:
        draining = asyncio.ensure_future(sessions.drain())
        await asyncio.sleep(4)
        assert session.asked == ["drain", "stop"]
    await draining


class BrokenSession(Served):
    """Ends, but not in order."""

    def drain(self) -> None:
        super().drain()
        raise RuntimeError("a fault of ours")

    def stop(self) -> None:
        super().stop()
        raise AssertionError("another one")


@pytest.mark.parametrize("manner", ["now", "turn", "end"])
async def test_a_session_that_cannot_be_drained_keeps_no_other_from_it(manner: DrainManner) -> None:
    sessions = ready()
    served = [BrokenSession(), Served(), BrokenSession()]
    with sessions.counted(served[0], "key 1"), sessions.counted(served[1], "key 1"), sessions.beside(served[2]):
        draining = asyncio.ensure_future(sessions.drain(within_s=0.01, manner=manner))
        async with asyncio.timeout(5):
            await asyncio.gather(*(each.stopped.wait() for each in served))
    await asyncio.wait_for(draining, 5)
    asked = {"now": ["stop"], "turn": ["drain", "stop"], "end": ["stop"]}[manner]
    assert [each.asked for each in served] == [asked] * 3
