"""The clip that is played in place of the model: one at a time, and when its end is given up."""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["FixturePlayback"]

_END_WITHIN_S: Final = 10.0
"""How long after its length a clip is waited for: its end is not reported if it failed or was cancelled."""


class FixturePlayback:
    """Whether a clip is being played, or was sent to be; `now` is a clock in seconds."""

    def __init__(self) -> None:
        self.command_id: str | None = None
        """The command that sent it; None without one."""
        self.ends_by: float = inf
        """When its end is not waited for any more."""
        self._lasts_s = 0.0

    def sent(self, command_id: str, *, lasts_s: float) -> None:
        """A clip of this length is sent."""
        self.command_id, self._lasts_s = command_id, lasts_s

    def playing(self, now: float) -> None:
        """A clip has begun; another connection's, if none was sent."""
        if self.command_id is not None:
            self.ends_by = now + self._lasts_s + _END_WITHIN_S

    def over(self) -> str | None:
        """The clip has ended. Returns the command that sent it."""
        command_id, self.command_id, self.ends_by = self.command_id, None, inf
        return command_id

    def refused(self, command_id: str) -> None:
        """A command was refused, or is not waited for any more; perhaps this clip's."""
        if command_id == self.command_id:
            self.over()
