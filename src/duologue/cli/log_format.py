"""Log lines for people and for programs. Both name the event and its session, and hold no content."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TypeAlias

import msgspec

from duologue.printable import printable
from duologue.server.telemetry.log import FACTS

__all__ = ["LogFormat", "LogLevel", "start_logging"]

_ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_VERBOSE_LIBRARIES: Final = ("httpx", "httpcore")
"""Libraries that log URLs with their query, or content; this server logs the useful part itself."""

_MAX_MESSAGE_CHARACTERS: Final = 4000
"""Length of another library's log message; this server's own are shorter."""

_MAX_TRACEBACK_CHARACTERS: Final = 50_000
"""Length of a traceback: a hundred frames, and messages that quote their input."""

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_logging(level: LogLevel, log_format: LogFormat) -> None:
    """Log to standard error in this format, from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if log_format == "json" else _TextLines(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in _VERBOSE_LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Escaped(logging.Formatter):
    """No text in a message or an exception can start a new log line."""

    def formatException(self, ei: _ExceptionInfo) -> str:
        """The traceback, indented: only a log line starts at the margin."""
        text = super().formatException(ei)[:_MAX_TRACEBACK_CHARACTERS]
        return "\n".join(f"    {printable(line)}" for line in text.splitlines())

    def formatStack(self, stack_info: str) -> str:
        """The stack, indented."""
        return "\n".join(f"    {printable(line)}" for line in stack_info.splitlines())


class _TextLines(_Escaped):
    """One sentence per line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without a traceback."""
        record.message = _message(record)
        return super().formatMessage(record)


class _JsonLines(_Escaped):
    """One JSON object per line: time, level, logger, event, and the facts of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line break."""
        facts: dict[str, object] = getattr(record, FACTS, None) or {"event": _message(record)}
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **facts,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode("utf-8")


def _message(record: logging.LogRecord) -> str:
    return printable(record.getMessage(), max_characters=_MAX_MESSAGE_CHARACTERS)
