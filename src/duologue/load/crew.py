"""The calls of one level in one process: brought up one after another, measured while all are up, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from ssl import create_default_context
from time import process_time
from typing import Any, Final

from msgspec import Struct

from duologue.client.dialect_detection import AUTO, DialectDetector
from duologue.load.caller import Caller, Window
from duologue.load.live import LiveCaller
from duologue.load.plan import CallerHabits, planned_turns
from duologue.load.realtime import RealtimeCaller
from duologue.load.samples import LevelSamples
from duologue.load.tape import LevelTape
from duologue.load.target import LoadTarget
from duologue.load.voice import CallerVoice
from duologue.load.wire import client_frame

__all__ = ["Crew", "LevelPlan"]

_OPEN_S: Final = 30.0
"""How long a call may take to be ready: a server that is slower does not hold the level."""

_CALLERS_OF_A_PROCESS: Final = 100_000
"""More than one makes: the callers of another process have other numbers, and so other seeds."""


class LevelPlan(Struct, frozen=True, kw_only=True):
    """What a level is."""

    calls: int
    """How many are up at once. With `rate_per_s`: how many are up at most."""
    hold_s: float | None = 60.0
    """The length of the window; None: until every call has had its turns."""
    ramp_per_s: float = 10.0
    """Calls that are begun in a second."""
    rate_per_s: float | None = None
    """Calls that come in a second, at times of their own, whether or not others are over."""
    habits: CallerHabits = CallerHabits()
    answer_within_s: float = 10.0
    """A turn that is not answered by then is lost."""
    process: int = 0
    """The number of this process."""


class Crew:
    """Runs one level."""

    def __init__(
        self, target: LoadTarget, voice: CallerVoice, plan: LevelPlan, *, tape: LevelTape | None = None
    ) -> None:
        self._target = target
        self._voice = voice
        self._plan = plan
        self._tape = tape
        self._tls = create_default_context() if target.place.secure else None
        self._window = Window()
        self._callers: dict[int, Caller] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._next_number = 0
        self._chance = Random(f"{plan.habits.seed}/{plan.process}/arrivals")
        self._gone = (0, 0)
        """Bytes sent and received by calls that are over."""
        self.waits: dict[int, float] = {}
        """By the number of a call that is over: its longest wait in milliseconds, infinity if no answer came."""

    async def run(self, all_up: Callable[[], Awaitable[None]] | None = None) -> LevelSamples:
        """Run the level. `all_up` is awaited when the calls are up, before the window opens.

        Cancelled, it drops all connections.
        """
        try:
            if self._plan.rate_per_s is None:
                await self._bring_up()
            if all_up is not None:
                await all_up()
            await self._measure()
            for caller in list(self._callers.values()):
                caller.stop()
            await self._until(lambda: not self._callers, self._plan.answer_within_s + 1)
        finally:
            for task in self._connecting:
                task.cancel()
            for caller in list(self._callers.values()):
                caller.hang_up()
                caller.socket.abort()
            await asyncio.gather(*self._connecting, return_exceptions=True)
        return self._window.samples

    # --- the level

    async def _bring_up(self) -> None:
        step_s = 1 / self._plan.ramp_per_s
        for number in range(self._plan.calls):
            began = asyncio.get_running_loop().time()
            self._begin(phase=number / self._plan.calls)
            if number + 1 < self._plan.calls:
                await asyncio.sleep(max(0.0, began + step_s - asyncio.get_running_loop().time()))
        await self._until(lambda: all(each.ready_at is not None for each in self._callers.values()), _OPEN_S)
        for caller in [each for each in self._callers.values() if each.ready_at is None]:
            self._refused("not ready in time")
            caller.hang_up()

    async def _measure(self) -> None:
        loop, window, plan = asyncio.get_running_loop(), self._window, self._plan
        cpu_s, before = process_time(), self._bytes()
        window.is_open, window.opened_at = True, loop.time()
        if plan.rate_per_s is not None and plan.hold_s is not None:
            await self._arrivals(plan.rate_per_s, window.opened_at + plan.hold_s)
        else:
            await self._until(lambda: not self._callers, plan.hold_s)
        window.is_open, window.closed_at = False, loop.time()
        window.samples.window_s = window.closed_at - window.opened_at
        window.samples.cpu_s = process_time() - cpu_s
        sent, received = self._bytes()
        window.samples.sent_bytes = sent - before[0]
        window.samples.received_bytes = received - before[1]

    async def _arrivals(self, rate_per_s: float, end: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while (at := at + self._chance.expovariate(rate_per_s)) < end:
            await asyncio.sleep(max(0.0, at - loop.time()))
            if len(self._callers) < self._plan.calls:
                self._begin(phase=self._chance.random())
            else:
                self._refused("more calls than --calls")
        await asyncio.sleep(max(0.0, end - loop.time()))

    def _refused(self, why: str) -> None:
        refused = self._window.samples.refused
        refused[why] = refused.get(why, 0) + 1

    async def _until(self, done: Callable[[], bool], timeout_s: float | None) -> None:
        """Wait until the calls are so, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()

    # --- calls

    def _begin(self, *, phase: float) -> None:
        number, self._next_number = self._next_number, self._next_number + 1
        self._window.samples.began += 1
        caller = self._callers[number] = self._caller(number, phase)
        task = asyncio.ensure_future(self._connect(caller))  # noqa: TID251 - `run` awaits it
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _caller(self, number: int, phase: float) -> Caller:
        target, plan = self._target, self._plan
        first = None if target.first is None else client_frame(target.first)
        turns = planned_turns(plan.habits, plan.process * _CALLERS_OF_A_PROCESS + number, len(self._voice.utterances))

        def changed(caller: Caller) -> None:
            if caller.is_over:
                self._over(number, caller)
            self._changed.set()

        tape = self._tape.call(number) if self._tape is not None else None
        options: dict[str, Any] = {
            "phase": phase,
            "answer_within_s": plan.answer_within_s,
            "tape": tape,
            "changed": changed,
            "dialect": target.dialect,
        }
        place, voice, window = target.place, self._voice, self._window
        if target.family == "live":
            assert first is not None
            return LiveCaller(place, voice, turns, window, start=first, **options)
        detector = DialectDetector(AUTO if target.is_guessed else target.dialect, url=target.url)
        return RealtimeCaller(place, voice, turns, window, update=first, detector=detector, **options)

    async def _connect(self, caller: Caller) -> None:
        place, tls = self._target.place, self._tls
        try:
            async with asyncio.timeout(_OPEN_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: caller.socket,
                    place.host,
                    place.port,
                    ssl=tls,
                    server_hostname=place.server_name if tls is not None else None,
                )
        except (OSError, TimeoutError) as fault:
            why = "it takes too long" if isinstance(fault, TimeoutError) else fault.strerror or type(fault).__name__
            caller.ended(0, asyncio.get_running_loop().time(), refused=why)

    def _over(self, number: int, caller: Caller) -> None:
        del self._callers[number]
        self.waits[number] = caller.worst_ms
        self._gone = (self._gone[0] + caller.socket.sent_bytes, self._gone[1] + caller.socket.received_bytes)
        # A call that has had its turns is followed by another one, so that as many stay up.
        is_kept_up = self._plan.rate_per_s is None and self._plan.hold_s is not None
        if self._window.is_open and is_kept_up and caller.is_done:
            self._begin(phase=self._chance.random())

    def _bytes(self) -> tuple[int, int]:
        """Sent and received so far, by all calls."""
        sockets = [each.socket for each in self._callers.values()]
        return (
            self._gone[0] + sum(each.sent_bytes for each in sockets),
            self._gone[1] + sum(each.received_bytes for each in sockets),
        )
