"""Levels against servers of the same event loop, in virtual time: minutes of calls take a second, and are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from duologue.client.endpoint import Endpoint
from duologue.engines.base import ResponderRequest
from duologue.engines.registry import Engines
from duologue.load import CallerHabits, LevelPlan, LevelResult, LoadFamily, WorkOrder, find_target, run_level
from duologue.server import Limits
from duologue.testing import scripted_engines
from duologue.testing.virtual_time import run_in_virtual_time
from tests.server._listening import listening, scripted_app


class SlowResponder:
    """Answers after a time; never, if there is none."""

    name = "slow"

    def __init__(self, delay_s: float | None, text: str = "Hello, this is a script.") -> None:
        self._delay_s = delay_s
        self._text = text

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        """The text."""
        if self._delay_s is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self._delay_s)
        yield self._text


def engines(delay_s: float | None = 0.0, text: str = "Hello, this is a script.") -> Engines:
    """Scripted engines that answer after this time."""
    return replace(scripted_engines(), responder=SlowResponder(delay_s, text))


def plan(calls: int, hold_s: float | None = 20.0, **settings: Any) -> LevelPlan:
    """A level."""
    habits = {name: settings.pop(name) for name in ("barge_in", "turns", "seed") if name in settings}
    return LevelPlan(calls=calls, hold_s=hold_s, ramp_per_s=20, habits=CallerHabits(**habits), **settings)


def levels(
    *plans: LevelPlan,
    family: LoadFamily = "realtime",
    served: Engines | None = None,
    frame_ms: int = 100,
    **order: Any,
) -> list[LevelResult]:
    """Run levels, one after another, against our server."""

    async def main() -> list[LevelResult]:
        app = scripted_app(served or engines(), limits=Limits(max_sessions_per_owner=None))
        async with listening(app) as url:
            target = await find_target(Endpoint(url=url.removesuffix("/v1/realtime")), family)
            return [await run_level(WorkOrder(target=target, plan=each, frame_ms=frame_ms, **order)) for each in plans]

    return run_in_virtual_time(main())


@asynccontextmanager
async def answering(*messages: str, close: tuple[int, str] | None = None) -> AsyncGenerator[str, None]:
    """A server that sends these messages to each client, and closes or waits; its URL."""

    async def handle(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        if close is not None:
            await connection.close(*close)
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"ws://{host}:{port}"
