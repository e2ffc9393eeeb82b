"""Every way in which a telephone call ends leaves nothing for the garbage collector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

import duologue
from duologue import telephony
from duologue.client import Connection, Conversation
from duologue.client.live.shell import LiveShell
from duologue.errors import DuologueError
from duologue.notices import ResponseStarted
from duologue.server import Limits, loop_factory
from duologue.telephony import Bridge, CallEnded, Digit, LegEvent, PhoneCall
from duologue.telephony.codecs.leg_events import PlayCommand
from duologue.telephony.serving.served_phone_call import ServedPhoneCall
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from duologue.transports.websocket import WebSocketTransport
from tests._memory import all_freed, no_cycles_of_ours
from tests.server._listening import listening, scripted_app
from tests.telephony._carrier import MemoryCarrier, carrier, speech_frames
from tests.telephony._frames import CODECS
from tests.telephony.serving._server import SILENCE, called
from tests.telephony.serving._server import scripted_app as phone_app

pytestmark = pytest.mark.timeout(60)

KEPT = (PhoneCall, Bridge, MemoryTransport, Conversation, Connection, LiveShell, WebSocketTransport)

Way = Callable[[str], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


def run(work: Callable[[], Awaitable[None]], loop: str) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(50):
            await work()

    if loop == "uvloop" and loop_factory() is None:
        pytest.skip("uvloop is not installed")
    with asyncio.Runner(loop_factory=loop_factory() if loop == "uvloop" else None) as runner:
        runner.run(bounded())


@asynccontextmanager
async def bridged(url: str, **options: Any) -> AsyncGenerator[tuple[MemoryCarrier, PhoneCall, Conversation], None]:
    """A call and a conversation that knows how to hang it up."""
    async with carrier("twilio") as (line, socket):
        call = await telephony.accept(socket, CODECS["twilio"]())
        async with duologue.converse(url, tools=[call.hang_up], **options) as conversation:
            yield line, call, conversation


async def by_the_caller(url: str) -> None:
    async with bridged(url) as (line, call, conversation):
        joined = asyncio.ensure_future(call.join(conversation))
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand)
        await line.tell(CallEnded())
        await joined


async def by_a_carrier_that_is_gone(url: str) -> None:
    async with bridged(url) as (line, call, conversation):
        joined = asyncio.ensure_future(call.join(conversation))
        await line.transport.close()
        await joined


async def hung_up(url: str) -> None:
    async with bridged(url) as (_, call, conversation):
        call.finish()
        await call.join(conversation)


async def cancelled(url: str) -> None:
    answered = asyncio.Event()

    async def serve() -> None:
        async with bridged(url) as (line, call, conversation), conversation.stream(ResponseStarted) as notices:
            joined = asyncio.ensure_future(call.join(conversation))
            await line.say(*speech_frames(500), *SILENCE)
            await notices.receive()
            answered.set()
            await joined  # which is cancelled with this task

    serving = asyncio.ensure_future(serve())
    await answered.wait()
    serving.cancel()
    await asyncio.wait([serving])
    assert serving.cancelled()


async def lost(url: str) -> None:
    async with bridged(url, reconnect=duologue.ReconnectPolicy(max_attempts=0)) as (_, call, conversation):
        joined = asyncio.ensure_future(call.join(conversation))
        await asyncio.sleep(0)
        connection: Any = conversation._supervisor.connection
        connection._transport._socket.transport.abort()
        await joined


async def by_a_function_that_fails(url: str) -> None:
    def fail(_: LegEvent) -> None:
        raise ZeroDivisionError

    with suppress(ExceptionGroup):
        async with bridged(url) as (line, call, conversation):
            await line.tell(Digit(digit="1"))
            await call.join(conversation, on_event=fail)


async def without_a_start(_: str) -> None:
    ours, theirs = memory_pair()
    await theirs.close()
    with suppress(DuologueError):
        await telephony.accept(ours, CODECS["twilio"]())


async def with_live(url: str) -> None:
    async with carrier("twilio") as (line, socket):
        call = await telephony.accept(socket, CODECS["twilio"]())
        async with duologue.live(url.replace("/v1/realtime", "/v1/live/sessions"), model="gpt-live-1") as live:
            joined = asyncio.ensure_future(call.join(live))
            await line.say(*speech_frames(100))
            await line.tell(CallEnded())
            await joined


WAYS: dict[str, Way] = {
    "by the caller": by_the_caller,
    "by a carrier that is gone": by_a_carrier_that_is_gone,
    "hung up": hung_up,
    "cancelled": cancelled,
    "its session lost": lost,
    "by a function that fails": by_a_function_that_fails,
    "without a start": without_a_start,
    "with Live": with_live,
}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("way", WAYS)
def test_a_bridged_call_leaves_nothing(way: str, loop: str) -> None:
    async def go() -> None:
        app = scripted_app(scripted_engines(responses=["Hi."] * 99), limits=Limits(max_sessions_per_owner=None))
        async with listening(app) as url:
            await WAYS[way](url)
            with no_cycles_of_ours(), all_freed(*KEPT) as all_gone:
                for _ in range(3):
                    await WAYS[way](url)
                await all_gone()

    run(go, loop)


@pytest.mark.parametrize("end", ["by the caller", "stopped"])
def test_a_call_that_is_served_leaves_nothing(end: str) -> None:
    async def go() -> None:
        app = phone_app(*["Hi."] * 99)

        async def one() -> None:
            async with called(app) as (line, serving):
                await line.say(*speech_frames(500), *SILENCE)
                await line.until(PlayCommand)
                if end == "by the caller":
                    await line.tell(CallEnded())
                else:
                    serving.cancel()
                await asyncio.wait([serving])

        async with app.running():
            await one()
            with no_cycles_of_ours(), all_freed(ServedPhoneCall, *KEPT) as all_gone:
                for _ in range(3):
                    await one()
                await all_gone()

    run(go, "asyncio")
