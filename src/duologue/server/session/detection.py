"""Gives the input audio of one session to its voice detector, in order, and reports to the protocol what it heard."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, Final

from duologue.clock import loop_clock
from duologue.engines.registry import Engines
from duologue.protocol import Detect, ServerProtocol
from duologue.server.session.audio_input import DetectorInput
from duologue.server.session.engine_failures import client_message
from duologue.server.telemetry.log import log_event
from duologue.tracebacks import drop_traceback

__all__ = ["Detection", "raised"]

_MAX_WAITING: Final = 16
"""Pieces that wait for a slow detector without a task; then the session's messages wait, and at last its socket."""

_Found = Sequence[float]


class Detection:
    """One session's. Either a task waits for `run`, or `begin` is called without one, and never both at a time."""

    def __init__(
        self,
        engines: Engines,
        protocol: ServerProtocol,
        *,
        session_id: str,
        carry_out: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """`carry_out` does what the protocol says after each report; `start` makes a task of the session."""
        self._engines = engines
        self._protocol = protocol
        self._session_id = session_id
        self._carry_out = carry_out
        self._start = start
        self._time = loop_clock()
        self._waiting: deque[Detect] = deque()
        self._input: DetectorInput | None = None
        self._running: asyncio.Future[Any] | None = None
        self._closed = False

    def put(self, command: Detect) -> None:
        """Add the next piece of audio."""
        self._waiting.append(command)

    @property
    def takes_more(self) -> bool:
        """Whether audio may be added without a task that waits for it."""
        return self._input is not None and len(self._waiting) < _MAX_WAITING

    @property
    def idle(self) -> bool:
        """Whether nothing runs that `begin` began."""
        return self._running is None

    async def run(self) -> None:
        """Detect in all that waits, in this task. Cancelling cancels the detector."""
        await self.ended()
        while self._waiting:
            await self._detect(self._waiting.popleft())
            self._carry_out()

    def hear(self, command: Detect, context: Context, now: float) -> None:
        """`put`, then `begin`. `now` is the time."""
        if self._waiting or self._running is not None:
            self._waiting.append(command)
        else:
            self._begin(command, context, now)

    def begin(self, context: Context) -> None:
        """Detect in what waits, as far as that takes no time; in the rest when the detector is done, in this context.

        Raises what the protocol raises; later, in a task of the session.
        """
        while self._waiting and self._running is None:
            self._begin(self._waiting.popleft(), context, self._time())

    def _begin(self, command: Detect, context: Context, now: float) -> None:
        try:
            found = self._input.begin(command) if self._input is not None else None
        except Exception as fault:
            self._report_fault(fault)
            self._carry_out()
            return
        if found is None or isinstance(found, asyncio.Future):
            running: asyncio.Future[Any] = self._start(self._detect(command)) if found is None else found
            self._running = running
            running.add_done_callback(lambda done: self._go_on(done, context), context=context)
        elif found and self._report(found, now):
            self._carry_out()

    def _go_on(self, done: asyncio.Future[Any], context: Context) -> None:
        self._running = None
        if self._closed or done.cancelled():
            return
        try:
            try:
                found: _Found | None = done.result()
            except Exception as fault:
                self._report_fault(fault)
            else:
                if found is not None:
                    self._report(found, self._time())
            self._carry_out()
            self.begin(context)
        except Exception as fault:
            self._start(raised(fault))

    async def ended(self) -> None:
        """Wait for what `begin` began."""
        while self._running is not None:
            await asyncio.wait((self._running,))

    def stop(self) -> None:
        """The session ends, and begins no more tasks: nothing more is detected, and what was found is dropped."""
        self._closed = True
        self._waiting.clear()
        if self._running is not None:
            self._running.cancel()

    def close(self) -> None:
        """Stop, and forget the session, which refers to this."""
        self.stop()
        del self._carry_out, self._start

    async def _detect(self, command: Detect) -> None:
        try:
            if self._input is None:  # a session without audio needs no detector
                self._input = DetectorInput(self._engines.new_detector(), self._engines.new_denoiser)
            probabilities = await self._input.push(command)
        except Exception as fault:
            self._report_fault(fault)
        else:
            if probabilities:
                self._protocol.detected(probabilities, self._input.frame_ms, now=self._time())

    def _report(self, found: _Found, now: float) -> bool:
        """Returns whether anything comes of it."""
        assert self._input is not None
        self._input.count(found)
        return self._protocol.detected(found, self._input.frame_ms, now=now)

    def _report_fault(self, fault: Exception) -> None:
        log_event(logging.ERROR, "engine broke", fault=fault, session=self._session_id, work="detect")
        drop_traceback(fault)
        self._protocol.detection_failed(client_message(fault))


async def raised(fault: Exception) -> None:
    """Raise it: in a task of the session, which ends with it."""
    raise fault
