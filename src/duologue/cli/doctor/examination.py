"""The steps one after the other, each within its time and all within theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from duologue.cli.doctor.http import health_step, http_step, intermediaries
from duologue.cli.doctor.network import connect_step, name_step, plain_step, tls_step
from duologue.cli.doctor.remedies import refusal_remedy
from duologue.cli.doctor.sessions import live_step, turn_step
from duologue.cli.doctor.step_result import StepResult, shown
from duologue.cli.doctor.target import DoctorTarget, Way
from duologue.cli.doctor.webrtc import (
    INSTALL,
    CreatedCall,
    calls_step,
    candidates_step,
    end_call,
    page_step,
    udp_step,
)
from duologue.cli.doctor.websocket import (
    OpenedSession,
    browser_step,
    dialect_step,
    first_event_step,
    keep_alive_step,
    websocket_step,
)
from duologue.clock import loop_time
from duologue.errors import ConnectFailed, DuologueError, MissingExtra
from duologue.transports.webrtc.peer import Stack

__all__ = ["Examination", "StackLoader"]

StackLoader = Callable[[], Stack]
"""Returns this machine's WebRTC stack. Raises MissingExtra."""

T = TypeVar("T")

_ALL_STEPS: Final = 8
"""All steps together may take so many times what one may: a step that hangs is rare, and seldom comes alone."""

_LATE: Final = {
    "name": "ask another resolver: nslookup; the one of this machine does not answer",
    "tls": "look at the server's TLS: it takes connections, and answers no handshake (or this port is for plain ws://)",
    "http": "look at the server's log: it takes connections, and does not answer requests in time",
    "health": "look at the server's log: it does not answer requests in time",
    "keep_alive": "clients cut such connections as dead: a proxy on the way eats pings, or the server hangs",
    "turn": "look at the server's log and its model: the connection works, and no answer comes",
    "calls": "look at the server's log: it takes connections, and does not answer requests in time",
}
"""What to do about a step that was out of time."""

_TRIED: Final = {
    "name": "look the host up",
    "tcp": "connect",
    "tls": "agree on TLS",
    "http": "GET the session's path without an upgrade",
    "health": "GET /readyz",
    "websocket": "open a WebSocket",
    "first_event": "wait for the first event",
    "keep_alive": "send a ping, as clients do to find dead connections",
    "browser": "open it as a browser does",
    "turn": "ask for three words of text",
    "calls": "POST an SDP offer",
    "udp": "connect over UDP",
    "page": "OPTIONS for a page of another origin",
    "live": "open a WebSocket of Live",
}
"""What a step tries, where it did not come to say it itself."""

_USUAL_LATE: Final = "try again; if it stays so, look at the server's log"


class Examination:
    """Examines one server. `report` is called with each row as soon as it is known; rows hold no secrets."""

    def __init__(
        self,
        target: DoctorTarget,
        *,
        report: Callable[[StepResult], None],
        load_stack: StackLoader,
        only: Collection[Way] = (),
        turn: bool = False,
    ) -> None:
        self._target = target
        self._report = report
        self._load_stack = load_stack
        self._only = only
        self._turn = turn
        self._mask = target.mask
        self._ends_at = 0.0
        self.results: list[StepResult] = []

    @property
    def holds(self) -> bool:
        """Whether no step failed."""
        return all(each.outcome != "failed" for each in self.results)

    async def run(self) -> None:
        """Take all steps. Raises nothing but CancelledError, and leaves nothing open then either."""
        self._ends_at = loop_time() + _ALL_STEPS * self._target.step_s
        target = self._target
        addresses = await self._step("name", name_step(target)) or []
        address = await self._step("tcp", connect_step(target, addresses)) if addresses else None
        if not addresses or address is None:
            return
        if not target.is_streamed:
            why = "by way of such a proxy only WebSockets are tried"
            self._add(StepResult(step="http", outcome="skipped", happened=why))
            await self._websocket([])
            return
        if target.is_secure and not await self._row("tls", tls_step(target, address)):
            return
        if not target.is_secure and (row := plain_step(target, address)) is not None:
            self._add(row)
        answer = await self._step("http", http_step(target))
        if self.results[-1].outcome == "failed" and "wss://" in self.results[-1].remedy:
            return
        proxies = intermediaries(answer.headers) if answer is not None else []
        if answer is not None and target.named != "live":
            await self._row("health", health_step(target))
        reached = address if target.proxy is None else None
        if self._wants("websocket"):
            await self._websocket(proxies)
        if self._wants("webrtc"):
            await self._webrtc(reached)
        if self._wants("live") and target.named != "live":
            await self._row("live", live_step(target))

    def _wants(self, way: Way) -> bool:
        if self._only:
            return way in self._only
        return way == "websocket" or self._target.named != "live"

    async def _websocket(self, proxies: list[str]) -> None:
        target = self._target
        session: OpenedSession | None = await self._step("websocket", websocket_step(target, proxies))
        if session is None:
            return
        greeted = False
        try:
            if target.named == "live":
                why = "a Live session begins with the client's session.start, which this does not send"
                self._add(StepResult(step="first_event", outcome="skipped", happened=why))
            else:
                greeted = await self._row("first_event", first_event_step(target, session))
            if greeted:
                self._add(dialect_step(target, session))
            if greeted or target.named == "live":
                await self._row("keep_alive", keep_alive_step(session))
        finally:
            with suppress(DuologueError):
                await session.transport.close()
        if greeted:
            await self._row("browser", browser_step(target))
        if greeted and self._turn:
            await self._row("turn", turn_step(target))

    async def _webrtc(self, reached: str | None) -> None:
        target = self._target
        try:
            stack: Stack | None = self._load_stack()
        except MissingExtra:
            stack = None
        call: CreatedCall | None = await self._step("calls", calls_step(target, stack))
        row = self.results[-1]
        try:
            if call is not None:
                self._add(candidates_step(call, reached=reached))
                # The step's own limit, with room for its row.
                await self._row("udp", udp_step(call, within_s=target.step_s * 0.9))
        finally:
            if call is not None:
                await end_call(target, call)
        if call is None and row.outcome == "ok":
            why = "this machine has no WebRTC stack to connect with"
            self._add(StepResult(step="udp", outcome="skipped", tried="connect", happened=why, remedy=INSTALL))
        if call is not None or row.outcome in ("ok", "note"):
            await self._row("page", page_step(target))

    async def _row(self, step: str, work: Coroutine[Any, Any, StepResult]) -> bool:
        """Take a step that gives nothing but its row; whether it did not fail."""

        async def with_nothing() -> tuple[StepResult, None]:
            return await work, None

        await self._step(step, with_nothing())
        return self.results[-1].outcome != "failed"

    async def _step(self, step: str, work: Coroutine[Any, Any, tuple[StepResult, T]]) -> T | None:
        """Take a step within its time; what it gives beside its row, or None if it was not taken to its end."""
        began_at = loop_time()
        within_s = min(self._target.step_s, self._ends_at - began_at)
        given: T | None = None
        if within_s <= 0:
            work.close()
            why = "not tried: the time of all steps together is used up; --timeout gives more"
            self._add(StepResult(step=step, outcome="skipped", happened=why))
            return None
        try:
            async with asyncio.timeout(within_s):
                row, given = await work
        except TimeoutError:
            row = _failed(step, f"not done within {within_s:.3g} s", _LATE.get(step, _USUAL_LATE))
        except ConnectFailed as fault:
            row = _failed(step, str(fault), refusal_remedy(fault, self._target))
        except (DuologueError, OSError) as fault:
            row = _failed(step, str(fault), _USUAL_LATE)
        except Exception as fault:  # one step that breaks must not take the others along, nor show a traceback
            row = _failed(step, f"this step broke: {type(fault).__name__}", "report this as a bug of duologue doctor")
        took_ms = round((loop_time() - began_at) * 1000)
        self._add(replace(row, took_ms=took_ms))
        return given

    def _add(self, row: StepResult) -> None:
        clean = shown(replace(row, tried=row.tried or _TRIED.get(row.step, "")), self._mask)
        self.results.append(clean)
        self._report(clean)


def _failed(step: str, happened: str, remedy: str) -> StepResult:
    return StepResult(step=step, outcome="failed", happened=happened, remedy=remedy)
