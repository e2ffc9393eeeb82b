"""Updates of the session that callers wait for: each ends with what the server answers, and with its warnings."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from duologue.client.limits import CONFIG_ANSWER_S
from duologue.client.refusals import config_refusal
from duologue.errors import DuologueError
from duologue.events import AnySession
from duologue.printable import printable_message, printable_name
from duologue.protocol.client.notices import SessionUpdateEnded

__all__ = ["SessionUpdates", "SessionWarnings"]

_logger = logging.getLogger("duologue.client")

_MAX_LOGGED: Final = 20
"""In one conversation. A server lists what was asked for, which is a handful of settings."""


class SessionUpdates:
    """One conversation's, by event id."""

    def __init__(self) -> None:
        self.is_answered: bool = True
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


class SessionWarnings:
    """What a server does otherwise than it was asked to, as duologue's lists it in the session: logged once each."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def log(self, session: AnySession) -> None:
        """Log the warnings of a session that were not in an earlier one."""
        listed: Any = session.extra.get("warnings")
        for each in listed[:_MAX_LOGGED] if isinstance(listed, list) else ():
            match each:
                case {"param": str(param), "message": str(message)}:
                    known = (param, message)
                    if known not in self._logged and len(self._logged) < _MAX_LOGGED:
                        self._logged.add(known)
                        _logger.warning(
                            "the server does not do as asked: %s: %s", printable_name(param), printable_message(message)
                        )
                case _:
                    continue
