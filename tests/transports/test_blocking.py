"""A pair in memory, one end on an event loop and the other in a thread without one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.transports import MemoryTransport, memory_pair
from duologue.transports.blocking import BlockingMemoryTransport, blocking_memory_pair

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, on an event loop of its own; it has five seconds."""

    async def within() -> T:
        return await asyncio.wait_for(work, 5)

    return asyncio.run(within())


@pytest.fixture
def ends() -> tuple[MemoryTransport, BlockingMemoryTransport]:
    return blocking_memory_pair(capacity=8)


def test_messages_of_both_types_arrive_whole_and_in_order_both_ways(
    ends: tuple[MemoryTransport, BlockingMemoryTransport],
) -> None:
    near, far = ends
    sent: list[str | bytes] = ["", b"", "grüß dich \N{WAVING HAND SIGN}", b"\x00\xff"]
    sent += [str(number) for number in range(100)]

    async def send_all() -> None:
        for message in sent:
            await near.send(message)

    async def receive_all() -> list[str | bytes]:
        return [await near.receive() for _ in sent]

    def send_all_blocking() -> None:
        for message in sent:
            far.send(message)

    with ThreadPoolExecutor() as pool:
        sending = pool.submit(run, send_all())
        assert [far.receive(timeout=5) for _ in sent] == sent
        sending.result(5)
        receiving = pool.submit(run, receive_all())
        send_all_blocking()
        assert receiving.result(5) == sent


def test_a_receive_that_times_out_loses_nothing(ends: tuple[MemoryTransport, BlockingMemoryTransport]) -> None:
    near, far = ends
    for number in range(3):
        for timeout in (0.01, 0):
            with pytest.raises(TimeoutError):
                far.receive(timeout=timeout)
        run(near.send(str(number)))
        assert far.receive(timeout=5) == str(number)


def test_what_was_sent_before_a_close_is_received_and_then_everybody_learns_of_it(
    ends: tuple[MemoryTransport, BlockingMemoryTransport],
) -> None:
    near, far = ends
    run(near.send("last words"))
    far.send("theirs")
    run(near.close(4000, "that was it"))
    far.close()
    assert far.receive(timeout=5) == "last words"
    assert run(near.receive()) == "theirs"
    for _ in range(2):
        with pytest.raises(ConnectionClosedError, match="that was it") as caught:
            far.receive(timeout=5)
        assert caught.value.code == 4000
        with pytest.raises(ConnectionClosed):
            far.send("too late")
        with pytest.raises(ConnectionClosedError, match="that was it"):
            run(near.receive())


def test_a_close_lets_those_go_who_wait_at_both_ends() -> None:
    near, far = blocking_memory_pair(capacity=1)
    run(near.send("1"))
    far.send("2")

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(far.send, "3"), pool.submit(run, near.send("4"))]
        for each in waiting:
            with pytest.raises(TimeoutError):
                each.result(0.05)
        far.close()
        for each in waiting:
            with pytest.raises(ConnectionClosedOK):
                each.result(5)


def test_both_ends_of_a_pair_may_be_on_event_loops_of_their_own() -> None:
    one, other = memory_pair(capacity=2)

    async def echo() -> int:
        echoed = 0
        try:
            while True:
                await other.send(await other.receive())
                echoed += 1
        except ConnectionClosedOK:
            return echoed

    async def ask() -> list[str | bytes]:
        async def send() -> None:
            for number in range(200):
                await one.send(str(number))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            answers = [await one.receive() for _ in range(200)]
        await one.close()
        return answers

    with ThreadPoolExecutor() as pool:
        echoing = pool.submit(run, echo())
        assert run(ask()) == [str(number) for number in range(200)]
        assert echoing.result(5) == 200


def test_one_who_waits_no_more_is_forgotten(ends: tuple[MemoryTransport, BlockingMemoryTransport]) -> None:
    near, far = ends
    for _ in range(3):
        with pytest.raises(TimeoutError):
            far.receive(timeout=0)
        with pytest.raises(TimeoutError):
            run(asyncio.wait_for(near.receive(), 0.001))
    assert near.shared.n_waiting == 0
