"""Events for the client and commands for the shell, until the shell collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from duologue.events import ServerEvent
from duologue.protocol.server.commands import Command

__all__ = ["Outgoing"]


class Outgoing:
    """Events and commands, in order."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self.new_id = new_id
        self._events: list[ServerEvent] = []
        self._commands: list[Command] = []

    def event_id(self) -> str:
        """An id for the next event."""
        return self.new_id("event")

    def send(self, *events: ServerEvent) -> None:
        """Queue these events, in this order."""
        self._events.extend(events)

    def send_all(self, events: Iterable[ServerEvent]) -> None:
        """Queue every event that the iterable yields."""
        self._events.extend(events)

    def command(self, command: Command) -> None:
        """Queue a command."""
        self._commands.append(command)

    def take_events(self) -> list[ServerEvent]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def take_commands(self) -> list[Command]:
        """The commands since the last call."""
        commands, self._commands = self._commands, []
        return commands
