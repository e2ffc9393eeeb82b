"""The log of connections, on the logger `duologue.client`: opened, refused, lost, restored, rotated, closed.

Each line has the URL without its secrets. None has a server's words: they may repeat a key or what was said.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from duologue.clock import loop_time
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedOK
from duologue.events import AnySession, UnknownSession, is_set
from duologue.printable import printable, printable_name

__all__ = [
    "ConnectionLog",
    "log_ended",
    "log_lost",
    "log_model_to_configure",
    "log_refused",
    "log_restored",
    "log_rotated",
    "session_id_of",
]

_logger: Final = logging.getLogger("duologue.client")

_CODE: Final = re.compile(r"[a-z][a-z0-9_.]{0,60}")
"""Codes of errors have this form. What a server calls a code may be any text, and only these are logged."""

_ENDED: Final = 1000
"""The purpose of the connection is fulfilled (RFC 6455, section 7.4.1)."""

_MAX_CHARACTERS: Final = 2000
"""Of a line: as of the message of an exception, which it may quote."""


def session_id_of(session: AnySession | None) -> str | None:
    """The id of a session; None where its server gives none."""
    found = None if session is None or isinstance(session, UnknownSession) else session.id
    return found if is_set(found) else None


class ConnectionLog:
    """Logs the life of one connection. `place` is its URL without secrets, or what it runs over."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._opened_at = loop_time()
        self._session = "no session"
        self._is_closed = False

    def opened(self, dialect: str, *, connecting_s: float = 0.0) -> None:
        """The handshake is over."""
        _log(logging.INFO, f"opened {self.place} after {connecting_s:.2f} s, dialect {dialect}")

    def session_began(self, session_id: str | None, dialect: str) -> None:
        """The server has sent the session."""
        self._session = f"session {printable_name(session_id or 'without an id')}"
        _log(logging.INFO, f"{self._session} began at {self.place}, dialect {dialect}")

    def closed(self, code: int, *, by: str, error_code: str | None, dialect: str) -> None:
        """The connection is over. Only the first call counts."""
        if self._is_closed:
            return
        self._is_closed = True
        why = f" ({error_code})" if error_code is not None and _CODE.fullmatch(error_code) else ""
        open_s = loop_time() - self._opened_at
        _log(
            logging.INFO,
            f"closed {self.place} by {by}, code {code}{why}, after {open_s:.1f} s, dialect {dialect}, {self._session}",
        )


def log_refused(place: str, fault: ConnectFailed, *, connecting_s: float) -> None:
    """No connection was opened. The fault's text has no secrets, and names the URL."""
    _log(logging.INFO, f"refused by {place} after {connecting_s:.2f} s: {fault}")


def log_model_to_configure(place: str, model: str) -> None:
    """The model of a transcription session is not in the URL, and `connect` configures no session."""
    name = printable_name(model)
    _log(
        logging.WARNING,
        f"the session at {place} does not have the model {name} yet: a transcription session takes it from a"
        " session.update, in audio.input.transcription; converse sends that, connect does not",
    )


def log_lost(place: str, closed: ConnectionClosed) -> None:
    """A conversation has lost its connection, and opens another one if its policy allows that. A telephone call that is
    hung up ends so, by 1000."""
    level = logging.INFO if closed.code == _ENDED else logging.WARNING
    _log(level, f"lost the connection to {place}, code {closed.code}")


def log_restored(place: str) -> None:
    """A conversation goes on over another connection."""
    _log(logging.INFO, f"restored the conversation at {place}")


def log_rotated(place: str) -> None:
    """A conversation goes on over another connection, before the session on this one reaches its end."""
    _log(logging.INFO, f"rotated to another connection: the session at {place} is near its end")


def log_ended(place: str, closed: ConnectionClosed, *, attempts: int) -> None:
    """A conversation is over, because its connection was lost and none replaces it."""
    level = logging.INFO if isinstance(closed, ConnectionClosedOK) else logging.ERROR
    _log(level, f"the conversation at {place} is over, code {closed.code}, after {attempts} attempts to restore it")


def _log(level: int, line: str) -> None:
    _logger.log(level, "%s", printable(line, max_characters=_MAX_CHARACTERS))
