"""Log lines for people and for programs. Both say what happened and whose session it was, and hold no content."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from duologue.server.journal import FACTS

__all__ = ["LogFormat", "LogLevel", "start_logging"]

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_TALKATIVE: Final = ("httpx", "httpcore")
"""Libraries that log addresses with their query, or what was said: what of it is worth knowing, this server says."""

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_logging(level: LogLevel, log_format: LogFormat) -> None:
    """Log on standard error, in this form, everything from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, event, and the facts of the event beside them."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        facts: dict[str, object] = getattr(record, FACTS, None) or {"event": record.getMessage()}
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **facts,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode("utf-8")
