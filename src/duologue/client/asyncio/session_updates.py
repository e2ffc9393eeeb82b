"""Updates of the session that callers wait for: each ends with what the server answers."""

from __future__ import annotations

import asyncio
import logging

from duologue.client.limits import CONFIG_ANSWER_S
from duologue.client.refusals import config_refusal
from duologue.errors import DuologueError
from duologue.protocol.client.notices import SessionUpdateEnded

__all__ = ["SessionUpdates"]

_logger = logging.getLogger("duologue.client")


class SessionUpdates:
    """One conversation's, by event id."""

    def __init__(self) -> None:
        self.is_answered = True
        """Whether this server answers updates, as far as is known: one that did not is not waited for again."""
        self._waiting: dict[str, asyncio.Future[SessionUpdateEnded]] = {}

    async def wait(self, event_id: str, *, timeout: float | None) -> None:
        """Wait for the answer to an update that was just sent; without a timeout for `CONFIG_ANSWER_S` at most.

        Raises:
            RequestRejected: the server refused it.
            TimeoutError: there was no answer within `timeout` seconds.
            DuologueError: what the conversation ended with.
        """
        if timeout is None and not self.is_answered:
            return
        answer: asyncio.Future[SessionUpdateEnded] = asyncio.get_running_loop().create_future()
        self._waiting[event_id] = answer
        try:
            async with asyncio.timeout(CONFIG_ANSWER_S if timeout is None else timeout):
                ended = await answer
        except TimeoutError:
            if timeout is not None:
                raise TimeoutError(f"the server has not answered session.update within {timeout:g} s") from None
            self.unanswered()
        else:
            if ended.error is not None:
                raise config_refusal(ended.error)
        finally:
            del self._waiting[event_id]

    def unanswered(self) -> None:
        """An update was not answered in time."""
        self.is_answered = False
        _logger.warning(
            "the server has not answered session.update within %g s, and later ones are not waited for; if it refuses"
            " one, only the log says so",
            CONFIG_ANSWER_S,
        )

    def ended(self, notice: SessionUpdateEnded) -> bool:
        """An update has ended. Whether a caller waits for it."""
        self.is_answered = self.is_answered or not notice.reason
        answer = self._waiting.get(str(notice.event.event_id))
        if answer is None or answer.done():
            return False
        answer.set_result(notice)
        return True

    def end(self, fault: DuologueError) -> None:
        """The conversation is over."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(fault)
