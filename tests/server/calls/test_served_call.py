from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.protocol import Close
from duologue.server import ServerSession
from duologue.server.calls.served_call import ServedCall
from duologue.server.http.authentication import Principal
from duologue.server.ids import new_id
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.testing import scripted_engines
from duologue.transports import Transport
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerFigures, PeerSettings

CONNECT_S = 30.0
GOING_AWAY = Close(1001, "the server is going away")

OWNER = Principal(owner="key 1")


class Session(ServerSession):
    """A session that notes how it was ended."""

    how = ""

    def drain(self) -> None:
        self.how = self.how or "drained"
        super().drain()

    def stop(self, close: Close = GOING_AWAY) -> None:
        self.how = self.how or "stopped"
        super().stop(close)


class Calling:
    """A call, and the peer that has offered it."""

    def __init__(self, *, fault: Exception | None = None, principal: Principal = OWNER, gate: bool = False) -> None:
        self.stack = MemoryStack()
        self.client = self.stack.new_peer(PeerSettings())
        self.sessions: list[Session] = []
        self.ends: list[PeerFigures | None] = []
        self.fault = fault
        self.gate = asyncio.Event()
        if not gate:
            self.gate.set()
        self.principal = principal

    async def open_session(self, transport: Transport) -> Served:
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.sessions.append(Session(transport, scripted_engines()))
        return self.sessions[-1]

    async def call(self, *, offer: str | None = None) -> tuple[ServedCall, asyncio.Task[None]]:
        call = ServedCall(
            call_id="rtc_1",
            principal=self.principal,
            offer=offer if offer is not None else await self.client.offer(),
            peer=self.stack.new_peer(PeerSettings()),
            open_session=self.open_session,
            new_id=new_id,
            on_end=self.ends.append,
        )
        return call, asyncio.ensure_future(call.run())


async def over(task: asyncio.Task[None]) -> None:
    await asyncio.wait_for(task, 5)


async def test_a_call_lasts_as_long_as_its_peer_and_tells_what_was_measured() -> None:
    calling = Calling()
    call, task = await calling.call()
    await calling.client.connect(await asyncio.wait_for(call.answered, 5))
    assert "session.created" in str(await asyncio.wait_for(calling.client.receive(), 5))
    await calling.client.close()
    await over(task)
    assert calling.sessions[0].how == ""
    [figures] = calling.ends
    assert figures is not None
    assert calling.stack.n_open == 0


@pytest.mark.usefixtures("idle_clock")
async def test_a_peer_that_does_not_connect_in_time_has_no_call() -> None:
    calling = Calling()
    call, task = await calling.call()
    await call.answered
    began_at = asyncio.get_running_loop().time()
    await task
    assert asyncio.get_running_loop().time() - began_at == pytest.approx(CONNECT_S, abs=3)
    assert calling.sessions[0].how == "stopped"
    assert calling.ends == [None]
    assert calling.stack.n_open == 1, "the client's own peer alone"


@pytest.mark.usefixtures("idle_clock")
async def test_a_peer_that_has_connected_may_stay() -> None:
    calling = Calling()
    call, task = await calling.call()
    await calling.client.connect(await call.answered)
    await calling.client.receive()
    await asyncio.sleep(3 * CONNECT_S)
    assert not task.done()
    await call.hang_up()
    await task


@pytest.mark.usefixtures("idle_clock")
async def test_a_caller_who_is_heard_has_connected_also_where_no_event_has_passed() -> None:
    """As through a gateway, while the upstream says nothing."""
    stopped = asyncio.Event()

    class Silent:
        """A session that says nothing."""

        async def run(self) -> None:
            await stopped.wait()

        def stop(self) -> None:
            stopped.set()

        drain = stop

    async def open_session(_: Transport) -> Served:
        return Silent()

    calling = Calling()
    calling.open_session = open_session  # type: ignore[method-assign, assignment]
    call, task = await calling.call()
    await calling.client.connect(await call.answered)
    calling.client.play(bytes(960))
    await asyncio.sleep(3 * CONNECT_S)
    assert not call.transport.is_connected
    assert not task.done()
    call.stop()
    await task
    [figures] = calling.ends
    assert figures is not None


async def test_hanging_up_closes_the_call_for_both() -> None:
    calling = Calling()
    call, task = await calling.call()
    await calling.client.connect(await call.answered)
    await calling.client.receive()
    await call.hang_up()
    await over(task)
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(calling.client.receive(), 5)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (ConnectFailed("no", retryable=True), "upstream_busy"),
        (ConnectFailed("no", retryable=False, status=401), "no_upstream"),
        (Rejection("full"), "full"),
        (RuntimeError("odd"), "broken"),
    ],
)
async def test_a_session_that_cannot_be_opened_is_a_rejection_and_frees_the_peer(fault: Exception, name: str) -> None:
    calling = Calling(fault=fault)
    call, task = await calling.call()
    with pytest.raises(Rejection) as refused:
        await asyncio.wait_for(call.answered, 5)
    assert refused.value.name == name
    await over(task)
    assert calling.stack.n_open == 1, "the client's own peer alone"


async def test_what_is_no_offer_is_a_rejection_and_opens_nothing() -> None:
    calling = Calling(fault=AssertionError("opened"))
    call, task = await calling.call(offer="no\x1b[2Joffer")
    with pytest.raises(Rejection, match="WHIP"):
        await asyncio.wait_for(call.answered, 5)
    await over(task)
    assert not calling.stack.n_open


@pytest.mark.parametrize("end", [ServedCall.stop, ServedCall.drain])
async def test_a_call_that_is_stopped_before_its_session_is_a_rejection(end: Callable[[ServedCall], None]) -> None:
    calling = Calling(gate=True)
    call, task = await calling.call()
    await asyncio.sleep(0)
    end(call)
    with pytest.raises(Rejection, match="going away"):
        await asyncio.wait_for(call.answered, 5)
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


@pytest.mark.parametrize(("end", "how"), [(ServedCall.stop, "stopped"), (ServedCall.drain, "drained")])
async def test_a_call_that_is_stopped_ends_its_session(end: Callable[[ServedCall], None], how: str) -> None:
    calling = Calling()
    call, task = await calling.call()
    await calling.client.connect(await call.answered)
    await calling.client.receive()
    end(call)
    await over(task)
    assert calling.sessions[0].how == how


@pytest.mark.parametrize(
    ("made_by", "asked_by", "belongs"),
    [
        (Principal(owner="key 1"), Principal(owner="key 1"), True),
        (Principal(owner="key 1"), Principal(owner="key 2"), False),
        (Principal(owner="key 1", secret="a"), Principal(owner="key 1"), True),
        (Principal(owner="key 1", secret="a"), Principal(owner="key 1", secret="a"), True),
        (Principal(owner="key 1", secret="a"), Principal(owner="key 1", secret="b"), False),
        (Principal(owner="key 1"), Principal(owner="key 1", secret="b"), False),
        (Principal(owner="key 1", secret="a"), Principal(owner="key 2"), False),
    ],
)
async def test_whose_a_call_is(made_by: Principal, asked_by: Principal, belongs: bool) -> None:
    calling = Calling(principal=made_by)
    call, task = await calling.call()
    assert call.belongs_to(asked_by) is belongs
    await call.answered
    await call.hang_up()
    await over(task)
