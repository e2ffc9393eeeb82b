"""How long it has been quiet since the model spoke, for `turn_detection.idle_timeout_ms`."""

from __future__ import annotations

from math import inf

from duologue.protocol.server.clock import Clock

__all__ = ["IdleTimer"]


class IdleTimer:
    """Runs from the end of a response, or of the playback of its speech, until the user speaks or a response starts.

    A client of a WebSocket does not report its playback. The timer assumes that it plays each piece of audio when it
    arrives, or right after the one before; a slower client is prompted a little early. Where the server plays itself,
    `playback` says what is true.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plays_until = -inf
        self._quiet_since = inf
        self._playing = False
        """Whether the server plays speech, also that of responses outside of the conversation."""

    @property
    def running(self) -> bool:
        """Whether the timer runs: it is the user's turn."""
        return self._quiet_since < inf

    def spoken(self, ms: int) -> None:
        """The model has spoken for `ms` more."""
        self._plays_until = max(self._plays_until, self._clock.now) + ms / 1000

    def stopped(self) -> None:
        """The client has stopped playback."""
        self._plays_until = min(self._plays_until, self._clock.now)
        if self.running:
            self._quiet_since = min(self._quiet_since, self._clock.now)

    def playback(self, playing: bool) -> None:
        """The server begins to play speech, or has played all of it."""
        self._playing = playing
        if self.running and not playing:
            self._quiet_since = self._clock.now

    def start(self) -> None:
        """It is the user's turn, once all speech has been played."""
        self._quiet_since = max(self._clock.now, self._plays_until)

    def restart(self) -> None:
        """Count from now on, because the setting has changed."""
        if self.running:
            self._quiet_since = max(self._clock.now, self._quiet_since)

    def stop(self) -> None:
        """The user speaks, or a response is in progress."""
        self._quiet_since = inf

    def due_at(self, timeout_ms: int | None) -> float:
        """When `timeout_ms` of quiet will be over; infinity without a timeout, while the timer does not run, and while
        speech is played."""
        return inf if timeout_ms is None or self._playing else self._quiet_since + timeout_ms / 1000
