"""Appends: what a client puts into the voice's context, each with a place on the timeline.

An append is confirmed when the session's time reaches the end of its place, 0.6 to 0.96 s after it came, as measured at
the hosted service. It takes effect then.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.events import UNSET
from duologue.events.live import (
    LiveCommentaryAppendedEvent,
    LiveCommentaryAppendEvent,
    LiveInstructionsAppendedEvent,
    LiveInstructionsAppendEvent,
    LiveThinkingAppendedEvent,
    LiveThinkingAppendEvent,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.token_usage import text_tokens

__all__ = ["APPENDED", "AppendEvent", "PendingAppend", "PendingAppends"]

AppendEvent: TypeAlias = LiveInstructionsAppendEvent | LiveThinkingAppendEvent | LiveCommentaryAppendEvent
_AppendedEvent: TypeAlias = LiveInstructionsAppendedEvent | LiveThinkingAppendedEvent | LiveCommentaryAppendedEvent

APPENDED: Final[dict[type[AppendEvent], type[_AppendedEvent]]] = {
    LiveInstructionsAppendEvent: LiveInstructionsAppendedEvent,
    LiveThinkingAppendEvent: LiveThinkingAppendedEvent,
    LiveCommentaryAppendEvent: LiveCommentaryAppendedEvent,
}
"""By command: the event that confirms it."""

_SHORTEST_MS: Final = 600
_LONGEST_MS: Final = 960
"""Of the place of an append with as many tokens as are permitted."""


class PendingAppend(Struct, frozen=True):
    """An append, its place, and the connection that sent it."""

    event: AppendEvent
    start_ms: int
    end_ms: int
    source: str

    def confirmed(self, event_id: str) -> _AppendedEvent:
        """The event that confirms it."""
        answers = self.event.event_id if isinstance(self.event.event_id, str) else UNSET
        return APPENDED[type(self.event)](
            event_id=event_id, client_event_id=answers, start_ms=self.start_ms, end_ms=self.end_ms
        )


class PendingAppends:
    """Appends whose place is not reached. They are placed one behind the other."""

    def __init__(self, limits: LiveDefaults) -> None:
        self._limits = limits
        self._waiting: deque[PendingAppend] = deque()
        self._free_ms = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def rules(self) -> list[str]:
        """Instructions that wait."""
        return [
            append.event.content for append in self._waiting if isinstance(append.event, LiveInstructionsAppendEvent)
        ]

    @property
    def commentaries(self) -> int:
        """How many commentaries wait."""
        return sum(isinstance(append.event, LiveCommentaryAppendEvent) for append in self._waiting)

    def add(self, event: AppendEvent, source: str, position_ms: int) -> None:
        """Give an append its place. Raises RefusedCommand for one that is too long, or if too many wait."""
        tokens, limit = text_tokens(event.content), self._limits.max_append_tokens
        if not event.content.strip():
            raise RefusedCommand("wrong_value", param="content", reason="expected a text with something in it")
        if tokens > limit:
            raise RefusedCommand("too_long", param="content", max=limit, unit="tokens", got=tokens)
        if len(self._waiting) >= self._limits.max_appends:
            raise RefusedCommand("too_many_appends", max=self._limits.max_appends)
        start_ms = max(position_ms, self._free_ms)
        self._free_ms = start_ms + _SHORTEST_MS + (_LONGEST_MS - _SHORTEST_MS) * tokens // limit
        self._waiting.append(PendingAppend(event, start_ms, self._free_ms, source))

    def due(self, position_ms: int) -> list[PendingAppend]:
        """The appends whose place is reached."""
        due: list[PendingAppend] = []
        while self._waiting and self._waiting[0].end_ms <= position_ms:
            due.append(self._waiting.popleft())
        return due

    def take_all(self) -> list[PendingAppend]:
        """All that wait: the session is over."""
        waiting = [*self._waiting]
        self._waiting.clear()
        return waiting
