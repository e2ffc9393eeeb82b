"""How long no audio has come from a client: one that is muted, or on hold, sends none, and its turn has to end.

Audio that came faster than it lasts is taken to be played from its arrival on, one piece behind the other. So a client
that sends in bursts, or a recording at once, is not silent while what it sent would still be heard.
"""

from __future__ import annotations

from math import inf
from typing import Final

from duologue.protocol.server.clock import Clock

__all__ = ["ClientSilence"]

_MIN_MS: Final = 500
"""Shorter gaps are the network's: phones and wireless links deliver nothing for some hundred milliseconds, and then all
at once. The published default of `silence_duration_ms`."""

_MAX_AHEAD_S: Final = 5.0
"""Of audio that came at once. A client that is live sends no more ahead; one that sent a recording waits no longer."""


class ClientSilence:
    """The time since the last audio of one session would have been heard to its end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard_until = -inf

    def heard(self, seconds: float) -> None:
        """Audio of this length has come."""
        now, until = self._clock.now, self._heard_until
        until = seconds + (until if until > now else now)  # `max` and `min` take three times as long
        self._heard_until = until if until < now + _MAX_AHEAD_S else now + _MAX_AHEAD_S

    def excuse(self) -> None:
        """Until now the client could not be heard: what it sent was not read."""
        self._heard_until = max(self._heard_until, self._clock.now)

    def due_at(self, silence_ms: int) -> float:
        """When a silence of this length will be over, if no audio comes."""
        return self._heard_until + max(silence_ms, _MIN_MS) / 1000
