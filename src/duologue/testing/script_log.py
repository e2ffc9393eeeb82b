"""What passed between a scripted server and its clients, and where each script stands: for messages of failures."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final

from duologue.printable import printable_name

__all__ = ["ScriptLog"]

_MAX_LINES: Final = 200
"""Kept of a conversation."""

_MAX_NAME: Final = 60
"""Characters of what is no event."""


class ScriptLog:
    """The last lines of what passed, over all connections; repeated ones are counted."""

    def __init__(self) -> None:
        self._lines: deque[tuple[float, str, int]] = deque(maxlen=_MAX_LINES)
        self._dropped = 0
        self._began_s: float | None = None

    def sent(self, connection: int, event: object) -> None:
        """The server has sent an event, or something else."""
        self._add(f"{connection} ← {_name(event)}")

    def received(self, connection: int, event: object) -> None:
        """A client has sent an event."""
        self._add(f"{connection} → {_name(event)}")

    def noted(self, connection: int, what: str) -> None:
        """Something else has happened to a connection."""
        self._add(f"{connection}   {what}")

    def timeline(self) -> str:
        """A line for each, with the seconds since the first, the number of the connection and the direction."""
        if not self._lines:
            return "no client connected"
        left_out = [f"  ({self._dropped} lines before these)"] if self._dropped else []
        lines = (f"{at_s:9.3f} {line}" + (f" ×{times}" if times > 1 else "") for at_s, line, times in self._lines)
        return "\n".join([*left_out, *lines])

    def _add(self, line: str) -> None:
        now = asyncio.get_running_loop().time()
        if self._began_s is None:
            self._began_s = now
        if self._lines and self._lines[-1][1] == line:
            at_s, _, times = self._lines.pop()
            self._lines.append((at_s, line, times + 1))
            return
        self._dropped += len(self._lines) == _MAX_LINES
        self._lines.append((now - self._began_s, line, 1))


def _name(event: object) -> str:
    if isinstance(event, Mapping):
        return printable_name(str(event.get("type", "(no type)")))
    if isinstance(event, bytes):
        return f"{len(event)} bytes"
    text = repr(event)
    return text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…"
