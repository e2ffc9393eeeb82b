from __future__ import annotations

import asyncio
import json
import traceback

import pytest

from duologue import Connection, connect
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, LocalProtocolError
from duologue.events import (
    InputAudioBufferClearedEvent,
    InputAudioBufferCommitEvent,
    ResponseCancelEvent,
    UnknownRealtimeEvent,
)
from duologue.transports import MemoryTransport, memory_pair
from tests.client._frames import INVALID_KEY, cleared


async def until_idle(turns: int = 50) -> None:
    """Let every task run until it waits for something."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def send_without_end(connection: Connection) -> None:
    """Send until something stops it."""
    while True:
        await connection.send(InputAudioBufferCommitEvent())


@pytest.fixture
def ends() -> tuple[MemoryTransport, MemoryTransport]:
    """The client's end, and the server's."""
    return memory_pair()


Ends = tuple[MemoryTransport, MemoryTransport]


async def test_leaving_the_block_sends_what_is_waiting_and_then_closes(ends: Ends) -> None:
    async with asyncio.timeout(5):
        async with connect(transport=ends[0]) as connection:
            for number in range(200):
                await connection.send(ResponseCancelEvent(event_id=str(number)))
        assert [json.loads(await ends[1].receive())["event_id"] for _ in range(200)] == [str(n) for n in range(200)]
        with pytest.raises(ConnectionClosedOK):
            await ends[1].receive()


async def test_a_mapping_is_sent_as_the_event_that_it_describes(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await connection.send({"type": "session.update", "event_id": "e1", "session": {"instructions": "Be brief."}})
        assert json.loads(await ends[1].receive()) == {
            "type": "session.update",
            "event_id": "e1",
            "session": {"type": "realtime", "instructions": "Be brief."},
        }
        with pytest.raises(LocalProtocolError, match=r"^session\.instructions: it must be str"):
            await connection.send({"type": "session.update", "session": {"instructions": 5}})


async def test_a_receive_that_waits_too_long_times_out_and_the_session_goes_on(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        for number in range(3):
            with pytest.raises(TimeoutError):
                await connection.receive(timeout=0.01)
            await ends[1].send(cleared(number))
            assert (await connection.receive(timeout=1)).event_id == str(number)


async def test_a_cancelled_receive_loses_nothing(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        received: list[object] = []
        for number in range(50):
            waiting = asyncio.ensure_future(connection.receive())
            await asyncio.sleep(0)
            await ends[1].send(cleared(number))
            await until_idle(number % 7)
            waiting.cancel()
            [outcome] = await asyncio.gather(waiting, return_exceptions=True)
            if isinstance(outcome, InputAudioBufferClearedEvent):
                received.append(outcome.event_id)
        while len(received) < 50:
            received.append((await connection.receive()).event_id)
        assert received == [str(number) for number in range(50)]


async def test_iteration_ends_when_the_server_leaves_as_agreed(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await ends[1].send(cleared(1))
        await ends[1].close(1000, "bye")
        assert [event.event_id async for event in connection] == ["1"]


async def test_iteration_raises_when_the_server_hangs_up_and_brings_its_last_error(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await ends[1].send(json.dumps(INVALID_KEY))
        await ends[1].close(3000, "invalid_request_error.invalid_api_key")
        seen: list[str | None] = []

        async def read() -> None:
            async for event in connection:
                seen.append(event.type)  # noqa: PERF401 - what came before the exception counts

        with pytest.raises(ConnectionClosedError) as caught:
            await read()
        assert seen == ["error"]
        assert caught.value.code == 3000
        assert caught.value.error is not None
        assert caught.value.error.error.code == "invalid_api_key"


async def test_every_call_after_the_end_learns_of_it(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await ends[1].close(4000, "why")
        for _ in range(3):
            with pytest.raises(ConnectionClosedError, match="4000"):
                await connection.receive()
            with pytest.raises(ConnectionClosedError, match="4000"):
                await connection.send(InputAudioBufferCommitEvent())


async def test_audio_that_is_appended_while_the_client_closes_is_refused_and_does_not_hold_up_the_end() -> None:
    client, server = memory_pair(capacity=1)
    async with asyncio.timeout(5), connect(transport=client) as connection:
        for _ in range(3):
            await connection.send(InputAudioBufferCommitEvent())
        closing = asyncio.ensure_future(connection.close())
        await until_idle()
        assert not closing.done()
        with pytest.raises(ConnectionClosed):
            await connection.append(b"\0\0")
        for _ in range(3):
            await server.receive()
        await closing
        with pytest.raises(ConnectionClosed):
            await server.receive()


async def test_raising_the_end_again_and_again_keeps_no_memory(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await connection.close()
        depths = set[int]()
        for _ in range(3):
            for call in (connection.receive(), connection.append(b"\0\0")):
                with pytest.raises(ConnectionClosed) as raised:
                    await call
                depths.add(len(list(traceback.walk_tb(raised.value.__traceback__))))
        assert max(depths) <= 4


async def test_what_only_servers_send_is_refused_and_the_session_goes_on(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        with pytest.raises(LocalProtocolError):
            await connection.send(InputAudioBufferClearedEvent(event_id="x"))
        await connection.send(InputAudioBufferCommitEvent())
        assert json.loads(await ends[1].receive())["type"] == "input_audio_buffer.commit"


@pytest.mark.parametrize("message", ["nonsense", b"\x00", "[]", '{"type":"something.new"}'])
async def test_a_server_that_speaks_nonsense_is_news_and_no_error(ends: Ends, message: str | bytes) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        await ends[1].send(message)
        assert isinstance(await connection.receive(), UnknownRealtimeEvent)


async def test_an_application_that_does_not_read_stops_the_server_from_sending(ends: Ends) -> None:
    one, other = memory_pair(capacity=4)
    async with asyncio.timeout(5), connect(transport=one) as connection:

        async def send_without_end() -> None:
            for number in range(10 * MAX_QUEUED_EVENTS):
                await other.send(cleared(number))

        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send_without_end())
            await until_idle(5 * MAX_QUEUED_EVENTS)
            assert not sending.done()
            received = [(await connection.receive()).event_id for _ in range(10 * MAX_QUEUED_EVENTS)]
        assert received == [str(number) for number in range(10 * MAX_QUEUED_EVENTS)]


async def test_a_server_that_does_not_read_makes_senders_wait_and_is_closed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("duologue.client.asyncio.connection.FLUSH_S", 0.05)
    one, _other = memory_pair(capacity=4)
    async with asyncio.timeout(5), connect(transport=one) as connection:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(send_without_end(connection), 0.1)


async def test_a_sender_that_waits_is_released_when_the_session_ends() -> None:
    one, other = memory_pair(capacity=1)
    async with asyncio.timeout(5), connect(transport=one) as connection:
        sending = asyncio.ensure_future(send_without_end(connection))
        await until_idle()
        await other.close(1000)
        with pytest.raises(ConnectionClosed):
            await sending


@pytest.mark.parametrize("fault", [ZeroDivisionError("mine"), asyncio.CancelledError(), KeyboardInterrupt()])
async def test_what_the_block_raises_comes_out_as_it_is_and_no_task_stays(ends: Ends, fault: BaseException) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(type(fault)) as caught:
        async with connect(transport=ends[0]):
            raise fault
    assert caught.value is fault
    assert asyncio.all_tasks() == before


async def test_no_task_stays_when_the_application_is_cancelled_again_and_again_while_it_leaves() -> None:
    before = asyncio.all_tasks()

    class Stuck(MemoryTransport):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            await asyncio.Event().wait()

    async def use() -> None:
        async with connect(transport=Stuck(4)):
            pass

    using = asyncio.ensure_future(use())
    for _ in range(3):
        await until_idle()
        using.cancel()
    await asyncio.wait({using}, timeout=5)
    assert using.cancelled()
    assert asyncio.all_tasks() == before


async def test_a_transport_that_breaks_while_receiving_ends_the_session_with_the_cause() -> None:
    class Broken(MemoryTransport):
        async def receive(self) -> str | bytes:
            raise ZeroDivisionError("not on purpose")

    async with asyncio.timeout(5), connect(transport=Broken(4)) as connection:
        with pytest.raises(ConnectionClosedError, match="not on purpose") as caught:
            await connection.receive()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_transport_that_breaks_while_sending_ends_the_session() -> None:
    class Broken(MemoryTransport):
        async def send(self, message: str | bytes, /) -> None:
            raise ZeroDivisionError("not on purpose")

    async with asyncio.timeout(5), connect(transport=Broken(4)) as connection:
        await connection.send(InputAudioBufferCommitEvent())
        with pytest.raises(ConnectionClosedError, match="1011"):
            await connection.receive()


class _Quick:
    """A transport that can send at once; `sent` is the order on the wire."""

    def __init__(self, inner: MemoryTransport) -> None:
        self._inner = inner
        self.sent: list[str] = []
        self.takes = True
        self.receive, self.close = inner.receive, inner.close

    async def send(self, message: str | bytes, /) -> None:
        await asyncio.sleep(0)  # in the middle of it, others may want to send
        self.sent.append(json.loads(message)["type"])

    def send_now(self, message: str) -> bool:
        if self.takes:
            self.sent.append(json.loads(message)["type"])
        return self.takes


async def test_audio_is_appended_at_once_only_while_nothing_waits_to_be_sent(ends: Ends) -> None:
    quick = _Quick(ends[0])
    async with asyncio.timeout(5), connect(transport=quick) as connection:
        assert connection.append_now(b"\0\0")
        await connection.send(InputAudioBufferCommitEvent())
        assert not connection.append_now(b"\0\0")  # in the queue
        await asyncio.sleep(0)
        assert connection.free_slots == MAX_QUEUED_EVENTS
        assert not connection.append_now(b"\0\0")  # on its way
        await until_idle()
        assert connection.append_now(b"\0\0")
        quick.takes = False
        assert not connection.append_now(b"\0\0")
        append, commit = "input_audio_buffer.append", "input_audio_buffer.commit"
        assert quick.sent == [append, commit, append]
        quick.takes = True
    assert not connection.append_now(b"\0\0")


async def test_a_transport_that_cannot_send_at_once_is_not_asked_to(ends: Ends) -> None:
    async with asyncio.timeout(5), connect(transport=ends[0]) as connection:
        assert not connection.append_now(b"\0\0")
