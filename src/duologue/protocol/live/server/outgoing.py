"""Events for the primary connection and the sidebands, and commands for the shell, until the shell collects them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from duologue.events.live import AnyLiveEvent
from duologue.protocol.live.server.commands import LiveCommand

__all__ = ["ALL", "PRIMARY", "SIDEBANDS", "LiveOutbox", "LiveOutgoing"]

PRIMARY: Final = "primary"
"""The connection that carries the session's audio."""
SIDEBANDS: Final = "sidebands"
"""Every sideband that is attached at this moment."""
ALL: Final = "all"
"""The primary connection, and every sideband."""


class LiveOutgoing(Struct, frozen=True):
    """An event, and which connections get it: `ALL`, `PRIMARY`, `SIDEBANDS`, or the id of one sideband."""

    event: AnyLiveEvent
    to: str = ALL


class LiveOutbox:
    """Events and commands, in order."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self.new_id = new_id
        self._events: list[LiveOutgoing] = []
        self._commands: list[LiveCommand] = []

    def event_id(self) -> str:
        """An id for the next event."""
        return self.new_id("event")

    def send(self, event: AnyLiveEvent, to: str = ALL) -> None:
        """Queue an event."""
        self._events.append(LiveOutgoing(event, to))

    def command(self, command: LiveCommand) -> None:
        """Queue a command."""
        self._commands.append(command)

    def take_events(self) -> list[LiveOutgoing]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def take_commands(self) -> list[LiveCommand]:
        """The commands since the last call."""
        commands, self._commands = self._commands, []
        return commands
