"""A transport that lets faults come: it keeps the contract of a transport, and tells what came."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed, ConnectionClosed, ConnectionClosedError
from duologue.faults import FaultPlan, FaultyTransport, FiredFault
from duologue.faults.transport import faulty_opening
from duologue.recording import RecordingWriter, Side
from duologue.testing import check_transport
from duologue.transports import Transport, memory_pair
from tests.client._waiting import no_task_left

DONE = '{"type":"response.done"}'
CREATED = '{"type":"response.created"}'


@asynccontextmanager
async def pair(*faults: str, side: Side = "client") -> AsyncGenerator[tuple[FaultyTransport, Transport], None]:
    """A transport with faults, and the other end."""
    near, far = memory_pair(8)
    async with no_task_left():
        faulty = FaultyTransport(near, faults, side=side)
        yield faulty, far
        await faulty.close()


@pytest.mark.usefixtures("idle_clock")
@pytest.mark.parametrize("side", ["client", "server"])
async def test_without_faults_it_is_a_transport_like_any(side: Side) -> None:
    @asynccontextmanager
    async def ends() -> AsyncGenerator[tuple[Transport, Transport], None]:
        near, far = memory_pair(8)
        faulty = FaultyTransport(near, side=side)
        yield faulty, far
        await faulty.close()

    await check_transport(ends)


async def test_what_the_server_sends_is_broken_on_the_clients_side() -> None:
    async with pair("duplicate on=response.done", "drop on=response.created") as (client, server):
        for message in (CREATED, DONE, CREATED):
            await server.send(message)
        assert [await client.receive() for _ in range(3)] == [DONE, DONE, CREATED]
        assert [str(fired) for fired in client.plan.fired] == [
            "connection 1: drop on=response.created at response.created 1",
            "connection 1: duplicate on=response.done at response.done 1",
        ]


async def test_what_the_client_sends_is_broken_on_the_servers_side() -> None:
    async with pair("binary from=client", side="server") as (server, client):
        await client.send(DONE)
        assert await server.receive() == DONE.encode()


async def test_a_break_is_1006_on_both_sides_in_memory() -> None:
    async with pair("reset on=response.done") as (client, server):
        await server.send(DONE)
        assert await client.receive() == DONE
        for end in (client, server):
            with pytest.raises(ConnectionClosedError) as closed:
                await end.receive()
            assert closed.value.code == 1006


async def test_over_another_transport_the_other_side_sees_a_close_that_a_frame_can_have() -> None:
    near, far = memory_pair()

    class Socket:
        """No memory pair, as far as its class says."""

        send, receive, close = near.send, near.receive, near.close

    faulty = FaultyTransport(Socket(), "cut")
    with pytest.raises(ConnectionClosedError):
        await faulty.receive()
    with pytest.raises(ConnectionClosed) as closed:
        await far.receive()
    assert closed.value.code == 1001
    await faulty.close()


@pytest.mark.usefixtures("idle_clock")
async def test_a_line_that_takes_nothing_makes_its_sender_wait_and_can_be_closed() -> None:
    async with pair("slow_reader") as (client, server):
        async with asyncio.timeout(60):
            sending = asyncio.ensure_future(_send_much(client))
            done, _ = await asyncio.wait({sending}, timeout=2)
            assert not done
            await client.close(4000, "enough")
            await asyncio.gather(sending, return_exceptions=True)
            with pytest.raises(ConnectionClosed) as closed:
                await server.receive()
        assert closed.value.code == 4000


async def _send_much(transport: Transport) -> None:
    for _ in range(100):
        await transport.send("x" * 100_000)


@pytest.mark.usefixtures("idle_clock")
async def test_messages_that_are_under_way_come_before_a_close() -> None:
    async with pair("latency ms=3000 from=client") as (client, server):
        await client.send("last")
        closing = asyncio.ensure_future(client.close(4000, "bye"))
        assert await server.receive() == "last"
        with pytest.raises(ConnectionClosed) as closed:
            await server.receive()
        assert closed.value.code == 4000
        await closing


async def test_what_came_is_told_and_noted_in_a_recording() -> None:
    told: list[FiredFault] = []
    near, far = memory_pair()
    file = io.BytesIO()
    with RecordingWriter(file, clock=asyncio.get_running_loop().time) as record:
        faulty = FaultyTransport(near, "not_json", told=told.append, record=record)
        await far.send(DONE)
        assert str(await faulty.receive()).startswith("<html>")
        await faulty.close()
    assert [fired.fault.name for fired in told] == ["not_json"]
    assert b'"note":{"kind":"fault","name":"not_json","detail":"at response.done 1"}' in file.getvalue()


async def test_one_plan_numbers_its_connections_and_each_is_told_of_its_own_faults() -> None:
    plan = FaultPlan("drop on=response.done connection=2")
    told: list[list[FiredFault]] = [[], [], []]
    for number in (1, 2):
        near, far = memory_pair()
        faulty = FaultyTransport(near, plan, told=told[number].append)
        await far.send(DONE)
        await far.send(CREATED)
        assert await faulty.receive() == (DONE if number == 1 else CREATED)
        await faulty.close()
    assert [len(each) for each in told] == [0, 0, 1]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("slice", "only the bytes"),
        ("refuse", "the connection is open already"),
        ("half_opened", "did you mean half_open"),
    ],
)
async def test_a_fault_that_cannot_come_is_refused_at_once(fault: str, says: str) -> None:
    near, _ = memory_pair()
    with pytest.raises(ValueError, match=r".") as raised:
        FaultyTransport(near, fault)
    assert says in str(raised.value)


@asynccontextmanager
async def opening() -> AsyncGenerator[Transport, None]:
    near, _ = memory_pair()
    yield near


async def test_a_handshake_in_memory_is_refused_as_one_over_a_socket_is() -> None:
    for fault, kind in (("refuse http=401", AuthenticationFailed), ("redirect", ConnectFailed)):
        with pytest.raises(kind):
            async with faulty_opening(FaultPlan(fault), opening):
                pass


@pytest.mark.usefixtures("idle_clock")
async def test_a_handshake_in_memory_is_late() -> None:
    began_at = asyncio.get_running_loop().time()
    async with faulty_opening(FaultPlan("handshake_delay s=7"), opening):
        assert asyncio.get_running_loop().time() - began_at == pytest.approx(7)


async def test_a_transport_that_breaks_ends_the_connection_and_is_not_waited_for() -> None:
    class Broken:
        async def send(self, message: str | bytes, /) -> None:
            raise OSError("the device is gone")

        async def receive(self) -> str | bytes:
            await asyncio.sleep(3600)
            return ""

        async def close(self, code: int = 1000, reason: str = "") -> None:
            pass

    faulty = FaultyTransport(Broken())
    await faulty.send("x")
    with pytest.raises(ConnectionClosedError) as closed:
        await faulty.receive()
    assert closed.value.code == 1011
    await faulty.close()
