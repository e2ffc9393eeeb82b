"""Every way in which a call ends, or is refused, leaves nothing for the garbage collector."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from duologue.errors import ConnectFailed
from duologue.protocol import ServerProtocol
from duologue.server import Limits, Relay, ServerSession
from duologue.server.calls.served_call import ServedCall
from duologue.server.rejections import REJECTIONS, Rejection
from duologue.transports.webrtc.call import CallTransport
from duologue.transports.webrtc.memory import MemoryPeer
from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft
from tests._memory import nothing_left_of
from tests.server._scopes import scope
from tests.server.calls._calls import CALLS, Caller, calling, closed, error_of, event
from tests.server.calls.test_upstreams import failing, in_memory
from tests.server.session.test_every_end import _OF_CALLS

pytestmark = pytest.mark.timeout(30)

KEPT = (ServedCall, CallTransport, ServerSession, ServerProtocol, Relay, Request)
FAULTS = (Rejection, InvalidOffer, NoPortsLeft, ConnectFailed)


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


# --- calls


_End = Callable[[Caller, MemoryPeer, str], Awaitable[Any]]


async def _closes(caller: Caller, peer: MemoryPeer, call_id: str) -> None:
    await peer.close()


async def _hangs_up(caller: Caller, peer: MemoryPeer, call_id: str) -> None:
    assert (await caller.http.post(f"{CALLS}/{call_id}/hangup")).status_code == 200
    await closed(peer)


async def _drains(caller: Caller, peer: MemoryPeer, call_id: str) -> None:
    await caller.app.drain()
    await closed(peer)


async def _speaks_and_closes(caller: Caller, peer: MemoryPeer, call_id: str) -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Well?"}]}
    await peer.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await peer.send(json.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}}))
    await event(peer, "response.done")
    await peer.close()


@pytest.mark.parametrize("end", [_closes, _hangs_up, _drains, _speaks_and_closes])
async def test_a_call_is_freed_at_once(end: _End) -> None:
    with nothing_left_of(*KEPT, *FAULTS):
        await _call_that_ends(end)


async def _call_that_ends(end: _End) -> None:
    async with calling() as caller, caller.call() as (peer, call_id):
        await event(peer, "session.created")
        await end(caller, peer, call_id)


async def test_a_relayed_call_is_freed_at_once() -> None:
    with nothing_left_of(*KEPT, *FAULTS):
        await _relayed_call()


async def _relayed_call() -> None:
    upstream, theirs = in_memory()
    async with calling(upstream=upstream) as caller, caller.call() as (peer, _):
        await theirs.close(1011, "it broke")
        await closed(peer)


# --- rejections


_Ask = Callable[[], Awaitable[tuple[int, str | None]]]


def _posted(
    body: bytes | None = None, *, content_type: str = "application/sdp", path: str = CALLS, **settings: Any
) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        async with calling(**settings) as caller:
            content = body if body is not None else (await caller.new_peer().offer()).encode()
            answer = await caller.http.post(path, content=content, headers={"content-type": content_type})
            return error_of(answer)

    return ask


def _below_a_call(verb: str) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        async with calling() as caller, caller.call() as (_, call_id):
            return error_of(await caller.http.post(f"{CALLS}/{call_id}/{verb}"))

    return ask


def _joined(query: str) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        async with calling() as caller:
            messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
            reported: list[Any] = []

            async def receive() -> Any:
                return messages.pop(0)

            async def send(message: Any) -> None:
                reported.append(message)

            await caller.app(scope(query=query), receive, send)
            return next(message["code"] for message in reported if message["type"] == "websocket.close"), None

    return ask


async def _without_the_package() -> tuple[int, str | None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "webrtc", None)
        async with calling() as caller:
            caller.app.calls._stack = None
            return error_of(await caller.post())


def _refusing(**how: Any) -> _Ask:
    return _posted(upstream=failing(lambda: ConnectFailed("no", **how)))


REFUSED: dict[str, _Ask] = {
    "call_has_model": _joined("call_id=rtc_1&model=m"),
    "invalid_offer": _posted(b"v=0"),
    "malformed_form": _posted(b"--x", content_type="multipart/form-data; boundary=x"),
    "no_call": _posted(path=f"{CALLS}/rtc_1/hangup"),
    "no_call_to_join": _joined("call_id=rtc_1"),
    "no_ports": _posted(n_ports=1),
    "no_sip_call": _below_a_call("accept"),
    "no_upstream": _refusing(retryable=False),
    "no_webrtc_package": _without_the_package,
    "upstream_busy": _refusing(retryable=True),
    "webrtc_off": _posted(webrtc=False),
    "wrong_media_type": _posted(b"{}", content_type="application/json"),
}


def test_every_rejection_of_a_call_is_tried() -> None:
    assert REFUSED.keys() == _OF_CALLS.keys()


@pytest.mark.parametrize("name", REFUSED)
async def test_a_call_that_is_refused_is_freed_at_once(name: str) -> None:
    row = REJECTIONS[name]
    with nothing_left_of(*KEPT, *FAULTS):
        assert await REFUSED[name]() in ((row.http_status, row.code), (row.close_code, None))
        await asyncio.sleep(0)  # Python 3.14's loop holds the future that woke this task until the task waits again


async def test_a_rate_that_is_passed_is_freed_at_once() -> None:
    async def ask() -> None:
        async with calling(limits=Limits(sessions_per_minute=1)) as caller:
            assert isinstance(await caller.post(), httpx.Response)
            assert error_of(await caller.post()) == (429, "rate_limit_exceeded")

    with nothing_left_of(*KEPT, *FAULTS):
        await ask()
