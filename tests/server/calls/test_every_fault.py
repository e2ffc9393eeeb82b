"""Wherever the making or the serving of a call fails, the caller is answered and nothing of the call is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from duologue.errors import ConnectionClosed
from duologue.server import Limits, SessionStart, Upstream
from duologue.server.realtime_sessions import RealtimeSessions
from duologue.transports import MemoryTransport, Transport, memory_pair
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft, PeerSettings
from tests.server._listening import scripted_app
from tests.server.calls._calls import CALLS, SDP

pytestmark = pytest.mark.timeout(30)

LIVE = "/v1/live/sessions"
VERBS = ("answer", "send", "receive", "hear", "play", "figures", "close")


class _Odd(Exception):
    """A fault that nothing expects."""


class _FaultyStack(MemoryStack):
    """Its peers fail in one verb, but for those of clients."""

    def __init__(self, verb: str, fault: Callable[[], BaseException] = _Odd) -> None:
        super().__init__()
        self.verb = verb
        self.fault = fault
        self.served: list[MemoryPeer] = []
        self.client = super().new_peer(PeerSettings())

    def new_peer(self, settings: PeerSettings, /) -> MemoryPeer:
        if self.verb == "new_peer":
            raise self.fault()
        peer = super().new_peer(settings)
        if self.verb:
            right = getattr(peer, self.verb)

            async def fail(*arguments: Any) -> Any:
                if self.verb == "close":
                    await right(*arguments)
                raise self.fault()

            def fail_at_once(*arguments: Any) -> None:
                raise self.fault()

            setattr(peer, self.verb, fail_at_once if self.verb == "play" else fail)
        self.served.append(peer)
        return peer


class _Site:
    """An application with a stack, what it holds, and one caller."""

    def __init__(self, stack: _FaultyStack, **settings: Any) -> None:
        self.stack = stack
        self.app = scripted_app(stack=stack, **settings)

    def held(self) -> dict[str, Any]:
        """What is left of calls."""
        return {
            "calls": len(self.app.calls),
            "tasks of calls": len(self.app.calls._tasks),
            "sessions": self.app.sessions_open,
            "owners": {owner: n for owner, n in self.app.open_sessions._by_owner.items() if n},
            "bytes": self.app.budget.total_bytes,
            "peers": self.stack.n_open - (self.stack.client in self.stack._with_port),
        }

    async def over(self) -> None:
        """Every call is over: nothing is left, tasks neither."""
        if self.app.calls._tasks:
            await asyncio.wait_for(asyncio.wait(tuple(self.app.calls._tasks)), 10)
        for _ in range(5):
            await asyncio.sleep(0)
        expected = {"calls": 0, "tasks of calls": 0, "sessions": 0, "owners": {}, "bytes": 0, "peers": 0}
        assert self.held() == expected
        assert all(peer._ended is not None for peer in self.stack.served), "closed"

    async def call(self, path: str = CALLS) -> httpx.Response:
        """Call, speak and leave; returns the answer to the offer."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://server"
        ) as http:
            offer = await self.stack.client.offer()
            if path == LIVE:
                body = {"transport": {"type": "webrtc", "sdp": offer}, "session": {"model": "m"}}
                answer = await asyncio.wait_for(http.post(path, json=body), 10)
                sdp = answer.json()["transport"]["sdp"] if answer.status_code == 201 else ""
            else:
                answer = await asyncio.wait_for(http.post(path, content=offer, headers=SDP), 10)
                sdp = answer.text
            if answer.status_code == 201:
                await self._talk(sdp)
            return answer

    async def _talk(self, answer: str) -> None:
        peer = self.stack.client
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(1):
                await peer.connect(answer)
                await peer.send('{"type":"response.create"}')
                for _ in range(5):
                    peer.play(bytes(960))
                while "response.done" not in str(await peer.receive()):
                    pass
        await peer.close()


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="duologue")


@pytest.mark.parametrize("path", [CALLS, LIVE])
@pytest.mark.parametrize("verb", ["", "new_peer", *VERBS])
async def test_a_peer_that_fails_leaves_nothing(verb: str, path: str) -> None:
    site = _Site(_FaultyStack(verb))
    async with site.app.running():
        answer = await site.call(path)
        if verb in ("new_peer", "answer"):
            assert answer.status_code == 500
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        else:
            assert answer.status_code == 201
        await site.over()
        if not verb:
            assert site.stack.served


@pytest.mark.parametrize("fault", [InvalidOffer, NoPortsLeft])
async def test_a_peer_that_refuses_leaves_nothing(fault: type[Exception]) -> None:
    site = _Site(_FaultyStack("answer", fault))
    async with site.app.running():
        assert (await site.call()).status_code in (400, 503)
        await site.over()


@pytest.mark.parametrize("relays", [False, True])
async def test_a_session_that_cannot_be_made_leaves_nothing(relays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = memory_pair()

    def fail(*arguments: Any, **named: Any) -> Any:
        raise _Odd

    monkeypatch.setattr(RealtimeSessions, "serve", fail)
    site = _Site(_FaultyStack(""), **({"upstream": _upstream(ours)} if relays else {}))
    async with site.app.running():
        assert (await site.call()).status_code == 500
        await site.over()
    if relays:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(theirs.receive(), 5)


async def test_figures_that_fail_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = _Site(_FaultyStack(""))

    def fail(*arguments: Any) -> None:
        raise _Odd

    monkeypatch.setattr(site.app, "call_ended", fail)
    async with site.app.running():
        assert (await site.call()).status_code == 201
        await site.over()


@pytest.mark.parametrize("path", [CALLS, LIVE])
async def test_an_application_that_has_stopped_leaves_nothing(path: str) -> None:
    site = _Site(_FaultyStack(""))
    async with site.app.running():
        site.app.calls._is_running = False
        assert (await site.call(path)).status_code == 503
        await site.over()


async def test_a_call_that_is_stopped_before_its_task_has_begun_leaves_nothing() -> None:
    site = _Site(_FaultyStack(""))
    async with site.app.running():
        posting = asyncio.ensure_future(site.call())
        for _ in range(100):
            await asyncio.sleep(0)
            if len(site.app.calls):
                break
        async with asyncio.timeout(5):
            for call in tuple(site.app.calls._calls.values()):
                call.stop()
            assert (await posting).status_code == 503
            await site.over()


async def test_a_server_that_ends_while_an_upstream_is_dialled_leaves_nothing() -> None:
    dialled = asyncio.Event()

    async def open_upstream(_: SessionStart) -> Transport:
        dialled.set()
        await asyncio.Event().wait()
        raise AssertionError

    site = _Site(_FaultyStack(""), upstream=Upstream(open=open_upstream))
    async with site.app.running():
        posting = asyncio.ensure_future(site.call())
        await asyncio.wait_for(dialled.wait(), 5)
        await asyncio.wait_for(site.app.drain(within_s=0), 5)
        assert (await posting).status_code == 503
        await site.over()


@pytest.mark.parametrize("how", ["stop", "drain", "hang up"])
async def test_a_call_that_has_not_connected_is_over_at_once(how: str) -> None:
    site = _Site(_FaultyStack(""))
    async with site.app.running():
        answer = await _unconnected(site)
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        [call] = site.app.calls._calls.values()
        if how == "hang up":
            await site.app.calls.hang_up(call)
        else:
            getattr(call, how)()
        await site.over()
        assert loop.time() - began_at < 1, "nothing was waited for: the last events have no way"
        assert answer.status_code == 201


async def test_so_many_that_never_connect_are_bounded_and_leave_nothing() -> None:
    site = _Site(_FaultyStack(""), limits=Limits(max_sessions_per_owner=5))
    async with site.app.running():
        answers = [await _unconnected(site) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 3
        assert site.held()["calls"] == 5
        await asyncio.wait_for(site.app.drain(within_s=0), 5)
        await site.over()


async def _unconnected(site: _Site) -> httpx.Response:
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        offerer = MemoryPeer(site.stack, PeerSettings())
        offer = await offerer.offer()
        site.stack._with_port.discard(offerer)
        return await asyncio.wait_for(http.post(CALLS, content=offer, headers=SDP), 10)


def _upstream(transport: MemoryTransport) -> Upstream:
    async def open_upstream(_: SessionStart) -> Transport:
        return transport

    return Upstream(open=open_upstream)
