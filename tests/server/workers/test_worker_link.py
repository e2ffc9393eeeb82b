from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from duologue.server.rejections import Rejection
from duologue.server.workers.messages import (
    Answer,
    ChannelReader,
    Drain,
    DrainWanted,
    Enter,
    FromParent,
    FromWorker,
    Get,
    Leave,
    Load,
    Put,
    Take,
    frame,
)
from duologue.server.workers.worker_link import WorkerLink


class ParentEnd:
    """What a test says to the worker in the parent's place."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._reader = ChannelReader()
        self._decoder = msgspec.msgpack.Decoder(FromWorker)
        self._waiting: list[FromWorker] = []

    async def receive(self, *kinds: type[Any]) -> Any:
        """The next message of one of these classes."""
        async with asyncio.timeout(5):
            while True:
                while self._waiting:
                    message = self._waiting.pop(0)
                    if isinstance(message, kinds):
                        return message
                data = await asyncio.get_running_loop().sock_recv(self._control, 65536)
                self._waiting += [self._decoder.decode(each) for each in self._reader.feed(data)]

    async def send(self, message: FromParent) -> None:
        await asyncio.get_running_loop().sock_sendall(self._control, frame(message))

    def close(self) -> None:
        self._control.close()


@asynccontextmanager
async def linked(drains: list[Drain | None] | None = None) -> AsyncGenerator[tuple[WorkerLink, ParentEnd], None]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    link, parent = WorkerLink(ours, number=7), ParentEnd(theirs)
    noted = [] if drains is None else drains
    async with link.running(families=lambda: (), on_drain=noted.append):
        yield link, parent
    parent.close()


async def test_values_and_rates_are_the_parent_s() -> None:
    async with linked() as (link, parent):
        putting = asyncio.ensure_future(link.put(b"d", b"v", owner="a", lives_s=5, now=1))
        asked = await parent.receive(Put)
        assert (asked.digest, asked.value, asked.owner, asked.lives_s, asked.now) == (b"d", b"v", "a", 5, 1)
        await parent.send(Answer(request=asked.request))
        await putting
        getting = asyncio.ensure_future(link.get(b"d", now=1))
        taking = asyncio.ensure_future(link.take("a", per_minute=3, now=1))
        get, take = await parent.receive(Get), await parent.receive(Take)
        await parent.send(Answer(request=take.request, granted=False))
        await parent.send(Answer(request=get.request, value=b"v"))
        assert (await getting, await taking) == (b"v", False)


async def test_a_rejection_of_the_parent_is_the_client_s() -> None:
    async with linked() as (link, parent):
        putting = asyncio.ensure_future(link.put(b"d", b"v", owner="a", lives_s=5, now=1))
        asked = await parent.receive(Put)
        await parent.send(Answer(request=asked.request, rejection="secrets", max_bytes=77))
        with pytest.raises(Rejection, match="77 bytes"):
            await putting


async def test_a_client_that_leaves_while_its_place_is_asked_for_gives_it_back() -> None:
    async with linked() as (link, parent):
        entering = asyncio.ensure_future(link.enter("a", maximum=5, owner_maximum=None))
        asked = await parent.receive(Enter)
        entering.cancel()
        await asyncio.wait({entering})
        await parent.send(Answer(request=asked.request))
        assert (await parent.receive(Leave)).owner == "a"


async def test_a_place_that_was_refused_is_not_given_back() -> None:
    async with linked() as (link, parent):
        entering = asyncio.ensure_future(link.enter("a", maximum=5, owner_maximum=None))
        asked = await parent.receive(Enter)
        await parent.send(Answer(request=asked.request, rejection="full"))
        with pytest.raises(Rejection) as refused:
            await entering
        assert refused.value.name == "full"
        link.request_drain("end")
        assert (await parent.receive(Leave, DrainWanted)) == DrainWanted(manner="end")


async def test_a_load_is_reported_when_it_has_changed() -> None:
    async with linked() as (link, parent):
        held, changed = [1], asyncio.Event()
        reporting = asyncio.ensure_future(link.report(lambda: Load(held=held[0], received=held[0]), changed))
        assert await parent.receive(Load) == Load(held=1, received=1)
        held[0] = 3
        changed.set()
        assert await parent.receive(Load) == Load(held=3, received=3)
        reporting.cancel()


async def test_a_load_that_changed_without_a_connection_is_reported_too() -> None:
    async with linked() as (link, parent):
        held = [1]
        reporting = asyncio.ensure_future(link.report(lambda: Load(held=held[0], received=0), asyncio.Event()))
        assert await parent.receive(Load) == Load(held=1, received=0)
        held[0] = 0
        assert await parent.receive(Load) == Load(held=0, received=0)
        reporting.cancel()


async def test_the_parent_s_word_and_its_death_end_the_worker() -> None:
    drains: list[Drain | None] = []
    async with linked(drains) as (link, parent):
        await parent.send(Drain(manner="end", replaced=True))
        parent.close()
        async with asyncio.timeout(5):
            while len(drains) < 2:  # noqa: ASYNC110 - the link calls a function
                await asyncio.sleep(0)
        assert drains == [Drain(manner="end", replaced=True), None]
        assert link.replaced
        with pytest.raises(Rejection):
            await link.take("a", per_minute=1, now=0)
