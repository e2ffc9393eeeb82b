"""Callers that wait for how a request or an update ends; and what the log tells where no caller waits."""

from __future__ import annotations

import asyncio
import logging
from math import inf

from duologue.client.asyncio.session_opening import SessionOpening
from duologue.client.asyncio.session_updates import SessionUpdates, SessionWarnings
from duologue.client.logs.error_log import ErrorLog
from duologue.errors import DuologueError, RequestRejected
from duologue.events import RealtimeEvent
from duologue.protocol.client.notices import (
    AudioNotCommitted,
    ConnectionLost,
    ErrorReported,
    Notice,
    RequestEnded,
    ResponseStarted,
    SessionChanged,
    SessionUpdateEnded,
)

__all__ = ["Outcomes"]

_logger = logging.getLogger("duologue.client")


class Outcomes:
    """One conversation's. `add` takes every notice, and `log` follows when all that came at once are added."""

    def __init__(self) -> None:
        self.updates: SessionUpdates = SessionUpdates()
        self.opening: SessionOpening | None = None
        """While the first session is being opened."""
        self._requests: dict[str, asyncio.Future[RequestEnded]] = {}
        self._error_log = ErrorLog()
        self._warnings = SessionWarnings()
        self._reported: list[ErrorReported] = []
        self._is_decided = False
        """Whether a request has ended, or a response has begun, since the last `log`."""

    def expect(self, request_id: str, ended: asyncio.Future[RequestEnded]) -> None:
        """A caller waits for the end of a request, until `forget`."""
        self._requests[request_id] = ended

    def forget(self, request_id: str) -> None:
        """The caller has it, or does not wait any more."""
        self._requests.pop(request_id, None)

    def received(self, event: RealtimeEvent) -> None:
        """An event was read."""
        if self.opening is not None:
            self.opening.put(event)

    def add(self, notice: Notice) -> None:
        """Wake the caller whom a notice concerns."""
        match notice:
            case ResponseStarted() | ConnectionLost():
                self._is_decided = True
            case RequestEnded(resolution=resolution):
                self._is_decided = True
                waiting = self._requests.get(resolution.request.request_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(notice)
                    self._error_log.claim(resolution.error)
                else:
                    self._error_log.ended(resolution.error)
            case SessionChanged(session=session):
                self._warnings.log(session)
            case SessionUpdateEnded():
                if self.updates.ended(notice):
                    self._error_log.claim(notice.error)
            case ErrorReported():
                self._reported.append(notice)
            case AudioNotCommitted(audio_ms=audio_ms):
                _logger.warning(
                    "the model does not hear the %d ms of audio that were appended before this response.create:"
                    " turn detection is off, and they are not committed; call commit() first",
                    audio_ms,
                )
            case _:
                pass  # no caller waits for it
        if self.opening is not None:
            self._error_log.claim(self.opening.put(notice))

    def log(self, *, now: float) -> None:
        """Log the errors among what was added that no caller gets."""
        if self._reported or self._is_decided:
            reported, self._reported = self._reported, []
            decided, self._is_decided = self._is_decided, False
            self._error_log.report(reported, now=now, decided=decided)

    def end(self, fault: DuologueError) -> None:
        """The conversation is over: every caller gets that."""
        for ended in self._requests.values():
            if not ended.done():
                ended.set_exception(RequestRejected(f"the conversation is over: {fault}"))
        self.updates.end(fault)
        if self.opening is not None:
            self.opening.end(fault)
        self._is_decided = True
        self.log(now=inf)
