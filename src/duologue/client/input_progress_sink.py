"""The progress of a conversation's input, fed with all that the conversation publishes."""

from __future__ import annotations

from duologue.errors import DuologueError
from duologue.events import RealtimeEvent
from duologue.protocol.input_progress import InputProgress

__all__ = ["InputProgressSink"]


class InputProgressSink(InputProgress):
    """A sink that takes events and lets notices pass."""

    def put(self, notice: object, /) -> None:
        """Take an event; a notice says nothing that events do not say."""
        if isinstance(notice, RealtimeEvent):
            self.receive(notice)

    def end(self, fault: DuologueError, /) -> None:
        """The conversation is over: nothing more will be told."""
