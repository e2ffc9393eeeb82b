"""Every way in which a Live session ends leaves nothing for the garbage collector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from duologue.engines.base import FunctionCall
from duologue.engines.registry import Engines
from duologue.events.live import LiveEvent
from duologue.protocol.live.server import LiveServerProtocol
from duologue.server import LiveRequest, LiveServerSession
from duologue.server.live.reply_reporter import ReplyReporter
from duologue.server.live.sideband import Sideband
from duologue.testing import scripted_engines
from tests._memory import nothing_left_of
from tests.server._engines import Odd, failing
from tests.server.live._caller import Caller, Stage, staged, words

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("idle_clock")]

KEPT = (LiveServerSession, LiveServerProtocol, ReplyReporter, Sideband, LiveEvent)
LONG = words("word " * 60)
DELEGATE = FunctionCall(name="delegate", arguments="{}")


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


async def _is_closed(stage: Stage, caller: Caller) -> None:
    await caller.send("session.close")
    await caller.gone()


async def _leaves(stage: Stage, caller: Caller) -> None:
    await caller.transport.close()


async def _is_drained(stage: Stage, caller: Caller) -> None:
    stage.session.drain()
    await caller.gone()


async def _is_stopped(stage: Stage, caller: Caller) -> None:
    stage.session.stop()
    await caller.gone()


async def _is_cancelled(stage: Stage, caller: Caller) -> None:
    caller.serving.cancel()
    await asyncio.wait({caller.serving})


async def _expires(stage: Stage, caller: Caller) -> None:
    await caller.until("session.closed")


ENDS: dict[str, Callable[[Stage, Caller], Awaitable[None]]] = {
    "it is closed": _is_closed,
    "the client leaves": _leaves,
    "it is drained": _is_drained,
    "it is stopped": _is_stopped,
    "it is cancelled": _is_cancelled,
    "it expires": _expires,
}


def _with(**others: Any) -> Engines:
    return replace(scripted_engines(), **others)


STATES: dict[str, Callable[[], Engines]] = {
    "in silence": scripted_engines,
    "while it answers": lambda: LONG,
    "with a delegation": lambda: scripted_engines(responses=[DELEGATE]),
    "after a failure": lambda: _with(responder=failing()),
    "while an engine hangs": lambda: _with(responder=Odd(...)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("state", STATES)
async def test_a_session_is_freed_at_once(state: str, end: str) -> None:
    engines = STATES[state]()
    with nothing_left_of(*KEPT):
        async with staged(engines) as stage:
            caller = stage.call()
            started = await caller.start()
            sideband = stage.call(LiveRequest(verb="attach", session_id=started["id"]))
            await sideband.until("session.started")
            if state != "in silence":
                await caller.speak(500)
            await caller.listen(1_500)
            await ENDS[end](stage, caller)
        del stage, caller, sideband


@pytest.mark.parametrize("end", ["the client leaves", "it is drained", "it is stopped", "it is cancelled"])
async def test_a_session_that_never_started_is_freed_at_once(end: str) -> None:
    with nothing_left_of(*KEPT):
        async with staged() as stage:
            caller = stage.call()
            await asyncio.sleep(0.1)
            await ENDS[end](stage, caller)
        del stage, caller
