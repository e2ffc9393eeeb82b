"""The line between two transports, where its ends misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.errors import ConnectionClosed
from duologue.faults import ConnectionFaults, FaultPlan
from duologue.faults.line import FaultyLine
from duologue.recording import ClosedBy, Side
from duologue.transports import MemoryTransport, memory_pair

pytestmark = pytest.mark.usefixtures("idle_clock")


class Witness:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def passed(self, sender: Side, message: str | bytes, /) -> None:
        self.told.append((sender, message))

    def ended(self, code: int, reason: str, by: ClosedBy, /) -> None:
        self.told.append((code, reason, by))


@asynccontextmanager
async def line(*faults: str) -> AsyncGenerator[tuple[MemoryTransport, MemoryTransport, Witness], None]:
    """A client, a server, and what the witness of the line between them was told."""
    client, near = memory_pair()
    far, server = memory_pair()
    witness = Witness()
    running = asyncio.ensure_future(FaultyLine(near, far, ConnectionFaults(FaultPlan(faults)), witness=witness).run())
    try:
        async with asyncio.timeout(30):
            yield client, server, witness
            await client.close()
            await running
    finally:
        running.cancel()


async def test_the_witness_sees_what_the_client_sees() -> None:
    async with line("drop on=b", "binary from=client") as (client, server, witness):
        await client.send('{"type":"x"}')
        assert await server.receive() == b'{"type":"x"}'
        for name in "ab":
            await server.send(f'{{"type":"{name}"}}')
        assert await client.receive() == '{"type":"a"}'
        await server.close(4000, "over")
        with pytest.raises(ConnectionClosed):
            await client.receive()
        assert witness.told == [
            ("client", '{"type":"x"}'),
            ("server", '{"type":"a"}'),
            (4000, "over", "server"),
        ]


@pytest.mark.parametrize(
    ("fault", "told"),
    [("cut on=x", (1006, "", "network")), ("close code=4001 on=x reason=r", (4001, "r", "server"))],
)
async def test_the_end_that_a_fault_makes_is_told_once(fault: str, told: tuple[int, str, str]) -> None:
    async with line(fault) as (client, server, witness):
        await server.send('{"type":"x"}')
        await client.receive()
        for end in (client, server):
            with pytest.raises(ConnectionClosed):
                await end.receive()
        assert witness.told[1:] == [told]


async def test_a_client_that_leaves_is_told_as_the_one_who_closed() -> None:
    async with line() as (client, server, witness):
        await client.close(4002, "bye")
        with pytest.raises(ConnectionClosed) as closed:
            await server.receive()
        assert (closed.value.code, closed.value.reason) == (4002, "bye")
        assert witness.told == [(4002, "bye", "client")]


async def test_a_side_that_takes_nothing_is_closed_in_the_end() -> None:
    client, near = memory_pair(1)
    far, server = memory_pair(1)
    faulty = FaultyLine(near, far, ConnectionFaults(FaultPlan()))
    running = asyncio.ensure_future(faulty.run())
    for _ in range(3):
        await client.send("x")
    await client.close(1000)
    faulty.closing("client")
    async with asyncio.timeout(20):
        await running
    with pytest.raises(ConnectionClosed):
        await server.send("too late")


async def test_a_line_that_is_ended_closes_both_sides() -> None:
    client, near = memory_pair()
    far, server = memory_pair()
    running = asyncio.ensure_future(FaultyLine(near, far, ConnectionFaults(FaultPlan())).run())
    await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for end in (client, server):
        with pytest.raises(ConnectionClosed) as closed:
            await end.receive()
        assert closed.value.code == 1001
