"""A session from its connection to the answer to its first configuration: is it open, and as it was asked for?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from duologue.client.asyncio.supervisor import ConnectionSupervisor
from duologue.client.limits import CONFIG_ANSWER_S, FIRST_EVENT_S, SILENT_ANSWER_S
from duologue.client.refusals import close_refusal, config_refusal, session_refusal
from duologue.errors import ConnectionClosed, DuologueError
from duologue.events import ErrorEvent, RealtimeEvent, SessionUpdateEvent
from duologue.protocol.client.notices import ErrorReported, SessionUpdateEnded
from duologue.tracebacks import anew

__all__ = ["SessionOpening"]


class SessionOpening:
    """Takes what a server says first. `failure` is what to raise, once the server has refused something.

    A server greets with `session.created`, or with some other event that is no `error`: not all send the first.
    """

    def __init__(self, *, configures: bool) -> None:
        self._configures = configures
        self.is_heard: bool = False
        """Whether the server has said anything."""
        self.is_greeted: bool = False
        self.is_configured: bool = False
        """Whether the server has taken the configuration."""
        self.failure: DuologueError | None = None
        self._changed = asyncio.Event()

    def put(self, notice: object) -> ErrorEvent | None:
        """Take a notice or an event. Returns the `error` that it is about, if `failure` tells that."""
        refused_with: ErrorEvent | None = None
        match notice:
            case RealtimeEvent():
                self.is_heard = True
                self.is_greeted = self.is_greeted or not isinstance(notice, ErrorEvent)
            case SessionUpdateEnded(error=None, reason=""):
                self.is_configured = True
            case ErrorReported() if self.failure is None and not self._is_settled:
                self.failure = self._refusal(notice)
                refused_with = notice.event if self.failure is not None else None
            case _:
                return None  # nothing about the session itself
        self._changed.set()
        return refused_with

    def end(self, fault: DuologueError) -> None:
        """The connection is over."""
        if self.failure is None and not self._is_settled:
            self.failure = fault
            if isinstance(fault, ConnectionClosed):
                self.failure = close_refusal(fault, greeted=self.is_greeted)
        self._changed.set()

    @property
    def _is_settled(self) -> bool:
        """What comes now belongs to the conversation, and is reported there."""
        return self.is_configured if self._configures else self.is_greeted

    async def settled(self, supervisor: ConnectionSupervisor, configure: Callable[[], object] | None) -> bool:
        """Wait until the session is open, and has taken its configuration. False if the server did not answer that.

        `configure` sends it, once the dialect is known.

        Raises:
            ConnectFailed: the server opened no session.
            RequestRejected: the server refused the configuration.
        """
        if not supervisor.is_dialect_settled:  # the first event decides how the configuration is written
            await self.wait(lambda: self.is_heard, within=FIRST_EVENT_S)
        is_silent = not self.is_heard and not supervisor.is_dialect_settled
        is_answered = True
        acknowledges = supervisor.acknowledges_updates
        if configure is not None and self.failure is None:
            configure()
            await supervisor.drain()
        if configure is not None and acknowledges:
            within = SILENT_ANSWER_S if is_silent else CONFIG_ANSWER_S
            is_answered = await self.wait(lambda: self.is_configured, within=within)
        elif not is_silent:
            await self.wait(lambda: self.is_greeted, within=CONFIG_ANSWER_S)
        if self.failure is not None:
            raise anew(self.failure)
        return is_answered

    async def wait(self, until: Callable[[], bool], *, within: float) -> bool:
        """Wait until this is so, or the session has failed. False: neither happened within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.failure is None and not until():
                    self._changed.clear()
                    await self._changed.wait()
        return self.failure is not None or until()

    def _refusal(self, notice: ErrorReported) -> DuologueError | None:
        refusal = session_refusal(notice.event, greeted=self.is_greeted)
        if refusal is None and isinstance(notice.command, SessionUpdateEvent):
            return config_refusal(notice.event)
        return refusal
