"""The server's log: an event, its session, and facts. Never a key, audio or a conversation's text."""

from __future__ import annotations

import logging
from typing import Any, Final

from duologue.events import ErrorEvent, ResponseDoneEvent, TranslationErrorEvent
from duologue.events.live import LiveErrorEvent
from duologue.printable import printable
from duologue.server.telemetry.observer import NullSessionObserver, ObservedEvent

__all__ = ["FACTS", "LogObserver", "log_event"]

_logger = logging.getLogger("duologue.server")

FACTS: Final = "facts"
"""Attribute of a log record that holds the event and its facts as a dict, for structured formatters."""

_REPORTED: Final = frozenset({ErrorEvent, LiveErrorEvent, ResponseDoneEvent, TranslationErrorEvent})
"""Events that are logged."""

_MAX_FACT_CHARACTERS: Final = 500
"""Of one fact: enough for a fault's message, or for the names of a dozen fields."""

_Fact = str | int | float | None


def log_event(level: int, event: str, *, fault: BaseException | None = None, **facts: _Fact) -> None:
    """Log one line, `session opened session=sess_… kind=realtime`, and the traceback of a `fault` of this library.

    A peer's text in a fact cannot end the line, imitate another fact, or control a terminal.
    """
    if _logger.isEnabledFor(level):
        shown = {name: _shown(value) for name, value in facts.items()}
        text = " ".join(f"{name}={_quoted(value)}" for name, value in shown.items())
        _logger.log(level, "%s %s", event, text, exc_info=fault, extra={FACTS: {"event": event, **shown}})


def _shown(fact: _Fact) -> _Fact:
    return printable(fact, max_characters=_MAX_FACT_CHARACTERS) if isinstance(fact, str) else fact


def _quoted(fact: _Fact) -> str:
    """The fact as text; in quotes if its end would not be visible."""
    text = str(fact)
    return '"{}"'.format(text.replace('"', '\\"')) if set(text) & {" ", "=", '"'} else text


class LogObserver:
    """Logs sessions and rejections; `address` and `owner` are those of the client."""

    def __init__(self, *, address: str | None = None, owner: str | None = None) -> None:
        facts = {"address": address, "owner": owner}
        self._facts: dict[str, Any] = {name: fact for name, fact in facts.items() if fact is not None}

    def opened(self, session_id: str, *, kind: str) -> _Session:
        """Logs a session and its events."""
        log_event(logging.INFO, "session opened", session=session_id, kind=kind, **self._facts)
        return _Session(session_id)

    def turned_away(self, reason: str) -> None:
        """Logs a rejected client."""
        log_event(logging.WARNING, "client turned away", reason=reason, **self._facts)


class _Session(NullSessionObserver):
    __slots__ = ("_received_bytes", "_sent_bytes", "_session_id")

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._received_bytes = 0
        self._sent_bytes = 0

    def received(self, n_bytes: int, input_ms: int) -> None:
        self._received_bytes += n_bytes

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        self._sent_bytes += n_bytes
        if type(event) not in _REPORTED:
            return
        if isinstance(event, ResponseDoneEvent):
            response = event.response
            log_event(
                logging.INFO,
                "response done",
                session=self._session_id,
                response=str(response.id),
                status=str(response.status),
            )
        elif isinstance(event, ErrorEvent | LiveErrorEvent | TranslationErrorEvent):
            code = str(event.error.code or event.error.type)
            log_event(logging.INFO, "error sent", session=self._session_id, code=code)

    def closed(self, code: int) -> None:
        log_event(
            logging.INFO,
            "session closed",
            session=self._session_id,
            code=code,
            received_bytes=self._received_bytes,
            sent_bytes=self._sent_bytes,
        )
