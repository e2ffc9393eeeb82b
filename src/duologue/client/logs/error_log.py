"""Logs the `error` events that reach no caller: nothing else would tell that a command had no effect."""

from __future__ import annotations

import logging
import re
from typing import Final

from duologue.client.refusals import told_by
from duologue.events import ConversationItemCreateEvent, ErrorEvent, RealtimeError, ResponseCreateEvent, is_set
from duologue.printable import printable
from duologue.protocol.client.error_kinds import ErrorKind
from duologue.protocol.client.notices import ErrorReported

__all__ = ["MAX_LINES", "REPEAT_AFTER_S", "ErrorLog"]

_logger = logging.getLogger("duologue.client")

REPEAT_AFTER_S: Final = 60.0
"""An error like one that was logged is logged again after this time, with the number of those in between."""

MAX_LINES: Final = 20
"""At the level ERROR within `REPEAT_AFTER_S`: a server that fails in ever new words would fill a disk. The others come
at the level DEBUG."""

_COMPARED_CHARACTERS: Final = 400
"""Of a message, to find out whether it came before: as many as are logged."""

_BUSY: Final = "conversation_already_has_active_response"

_QUOTED_NAME: Final = re.compile(r"(?<!\w)(['\"`])[\w.\[\]/:*-]{0,64}\1(?!\w)")
"""A name of a field, a model or a value, as messages quote them."""

_QUOTED: Final = re.compile(r"(?<!\w)(['\"`]).*\1", re.DOTALL)
"""From the first quotation mark to the last: what is quoted may have such marks inside."""

_KEPT: Final = re.compile("\x00(\\d+)\x00")


class ErrorLog:
    """One conversation's. `claim` names errors that a caller gets as an exception; `report` logs the others.

    The server's message is logged, because without it an error can hardly be acted on; but it may repeat what it was
    sent. So it is cut, what looks like a key is left out, and of what it quotes only names stay. Of an answer to an
    item nothing quoted stays: any word of it may be the user's.
    """

    def __init__(self) -> None:
        self._claimed: list[ErrorEvent] = []
        self._ending: list[ErrorEvent] = []
        self._undecided: list[ErrorReported] = []
        """Errors without an id that may answer a request: its end, which comes a moment later, decides."""
        self._logged: dict[tuple[str, ...], int] = {}
        """How often each kind of error has come since it was logged."""
        self._since = -REPEAT_AFTER_S

    def claim(self, error: ErrorEvent | None) -> None:
        """A caller gets this error as an exception."""
        if error is not None:
            self._claimed.append(error)

    def ended(self, error: ErrorEvent | None) -> None:
        """This error ended a request that has no caller, such as the one that follows function calls."""
        if error is not None:
            self._ending.append(error)

    def report(self, notices: list[ErrorReported], *, now: float, decided: bool = True) -> None:
        """Log errors that came at once, but for those that were claimed since the last call.

        One that names no command and may answer a `response.create` is kept until `decided`: a request has ended, or a
        response has begun.
        """
        notices, self._undecided = [*self._undecided, *notices], []
        if not decided:
            self._undecided = [notice for notice in notices if _may_answer_request(notice)][-MAX_LINES:]
            notices = [notice for notice in notices if not any(notice is each for each in self._undecided)]
        claimed, self._claimed, ending, self._ending = self._claimed, [], self._ending, []
        for notice in notices:
            if not any(notice.event is each for each in claimed):
                self._report(notice, now, ends_request=any(notice.event is each for each in ending))

    def _report(self, notice: ErrorReported, now: float, *, ends_request: bool) -> None:
        command = notice.command.type if notice.command is not None else None
        is_sent_again = notice.event.error.code == _BUSY and command == "response.create" and not ends_request
        self.write(
            notice.event.error,
            command=command,
            keeps_names=not isinstance(notice.command, ConversationItemCreateEvent),
            is_benign=notice.kind is ErrorKind.BENIGN or is_sent_again,
            now=now,
        )

    def write(
        self, error: RealtimeError, *, command: str | None, keeps_names: bool, is_benign: bool, now: float
    ) -> None:
        """Log an error that no caller gets; `command` is what it answers. `keeps_names`: of what the message quotes."""
        told = told_by(error, words=_without_text(error.message, keep_names=keeps_names))
        line = f"the server reports an error{f' in answer to {command}' if command else ''}: {told}"
        if is_benign:
            _logger.debug("%s", printable(line))
            return
        # Words with a digit differ from one error to the next of the same kind: ids, times, sizes.
        words = error.message[:_COMPARED_CHARACTERS].split()
        same = " ".join(word for word in words if not any(character.isdigit() for character in word))
        kind = (str(command), str(error.code), str(error.param), same)
        if now >= self._since + REPEAT_AFTER_S:
            self._since = now
            if repeated := sum(self._logged.values()):
                _logger.error("the server has reported %d more errors like those before", repeated)
            self._logged.clear()
        if kind not in self._logged and len(self._logged) < MAX_LINES:
            self._logged[kind] = 0
            _logger.error("%s", printable(line))
            return
        self._logged[kind if kind in self._logged else next(iter(self._logged))] += 1
        _logger.debug("%s", printable(line))


def _may_answer_request(notice: ErrorReported) -> bool:
    return isinstance(notice.command, ResponseCreateEvent) and not is_set(notice.event.error.event_id)


def _without_text(message: str, *, keep_names: bool) -> str:
    """A message without what it quotes, but for names if they are to be kept."""
    names: list[str] = []

    def keep(quoted: re.Match[str]) -> str:
        names.append(quoted.group())
        return f"\x00{len(names) - 1}\x00"

    message = message.replace("\x00", "")
    if keep_names:
        message = _QUOTED_NAME.sub(keep, message)
    return _KEPT.sub(lambda kept: names[int(kept[1])], _QUOTED.sub("'…'", message))
