"""Callers that wait for the answer to a command, and what the log tells where no caller waits."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from duologue.client.live.refusals import as_error_event, command_refusal
from duologue.client.logs.error_log import ErrorLog
from duologue.errors import DuologueError, RequestRejected
from duologue.events.live import (
    LiveCommentaryAppendEvent,
    LiveErrorEvent,
    LiveInstructionsAppendEvent,
    LiveServerEvent,
    LiveThinkingAppendEvent,
)
from duologue.protocol.client.error_kinds import ErrorKind, classify
from duologue.protocol.live.client.notices import CommandEnded, LiveErrorReported, LiveNotice, TimeStalled

__all__ = ["CommandOutcomes"]

_logger = logging.getLogger("duologue.client")

_REMEMBERED: Final = 256
"""Answers that are kept for callers that ask for them later: as many as commands may wait."""

_WITH_TEXT: Final = (LiveCommentaryAppendEvent, LiveInstructionsAppendEvent, LiveThinkingAppendEvent)
"""Commands whose refusal may quote what the application wrote."""


class CommandOutcomes:
    """One session's. `add` takes every notice."""

    def __init__(self) -> None:
        self._ended: dict[str, CommandEnded] = {}
        self._waiting: dict[str, list[asyncio.Future[CommandEnded]]] = {}
        self._errors = ErrorLog()
        self._claimed: LiveErrorEvent | None = None
        """An `error` that a caller gets as an exception."""
        self._refused: CommandEnded | None = None
        """The last command that an `error` answered: the notice of that error follows."""

    def add(self, notice: LiveNotice, *, now: float) -> None:
        """Wake the caller whom a notice concerns, or log what concerns none."""
        match notice:
            case CommandEnded():
                self._command_ended(notice)
            case LiveErrorReported(event=event):
                if event is not self._claimed:
                    self._log(event, now)
            case TimeStalled(position_ms=position_ms):
                _logger.warning(
                    "no input audio comes: the session's time stands still at %d ms, and the server ends the session"
                    " soon; send audio without a break, silence too, or have LiveOptions(fill_silence=True) do that",
                    position_ms,
                )
            case _:
                pass  # no caller waits for it

    async def wait(self, command_id: str) -> LiveServerEvent:
        """The answer to a command that was sent. Cancelling leaves the command as it is.

        Raises:
            RequestRejected: the server refused it, or does not answer.
        """
        ended = self._ended.get(command_id)
        if ended is None:
            mine: asyncio.Future[CommandEnded] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(command_id, []).append(mine)
            try:
                ended = await mine
            finally:
                self._forget(command_id, mine)
        if isinstance(ended.answer, LiveErrorEvent):
            raise command_refusal(ended.command.type, ended.answer)
        if not isinstance(ended.answer, LiveServerEvent):
            raise RequestRejected(f"no answer to this {ended.command.type}: {ended.reason}")
        return ended.answer

    def knows(self, command_id: str) -> bool:
        """Whether a command's answer has come, and is kept."""
        return command_id in self._ended

    def end(self, fault: DuologueError) -> None:
        """The session is over: all that wait get that."""
        for waiting in self._waiting.values():
            for each in waiting:
                if not each.done():
                    each.set_exception(RequestRejected(f"the session is over: {fault}"))
        self._waiting.clear()

    def _forget(self, command_id: str, mine: asyncio.Future[CommandEnded]) -> None:
        waiting = self._waiting.get(command_id, [])
        if mine in waiting:
            waiting.remove(mine)
        if not waiting:
            self._waiting.pop(command_id, None)

    def _command_ended(self, notice: CommandEnded) -> None:
        self._ended[notice.command_id] = notice
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]
        waiting = [each for each in self._waiting.pop(notice.command_id, []) if not each.done()]
        for each in waiting:
            each.set_result(notice)
        if isinstance(notice.answer, LiveErrorEvent):
            self._refused = notice
            self._claimed = notice.answer if waiting else None

    def _log(self, event: LiveErrorEvent, now: float) -> None:
        refused = self._refused if self._refused is not None and self._refused.answer is event else None
        told = as_error_event(event)
        self._errors.write(
            told.error,
            command=refused.command.type if refused is not None else None,
            keeps_names=refused is not None and not isinstance(refused.command, _WITH_TEXT),
            is_benign=classify(told) is ErrorKind.BENIGN,
            now=now,
        )
