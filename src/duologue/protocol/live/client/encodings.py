"""How a session's sound is written as bytes, in each direction."""

from __future__ import annotations

from contextlib import suppress

from duologue.audio.formats import PCM, Encoding
from duologue.dialects.live import LiveProfile
from duologue.errors import AudioError
from duologue.events import is_set
from duologue.events.live import LiveSession

__all__ = ["SessionEncodings"]


class SessionEncodings:
    """The encodings of one session: the server's usual ones, until the session says what it has."""

    def __init__(self, profile: LiveProfile, *, sideband: bool) -> None:
        self._is_sideband = sideband
        self.sent = PCM if sideband else Encoding.of(PCM.type, profile.input_rates_hz[0])
        """Of the input."""
        rate_hz = None if sideband else profile.output_rate_hz
        self._own = None if rate_hz is None else Encoding.of(PCM.type, rate_hz)

    @property
    def received(self) -> Encoding:
        """Of the output: that of the input, unless the server has one of its own."""
        return self.sent if self._own is None else self._own

    def began(self, session: LiveSession) -> None:
        """The session has started, and may name its format. A sideband gets 24 kHz PCM whatever that is."""
        wanted = session.audio.format if is_set(session.audio) else None
        if self._is_sideband or not is_set(wanted):
            return
        rate_hz = getattr(wanted, "rate", None)
        with suppress(AudioError):  # an unknown format: nothing better is known than what it was
            self.sent = Encoding.of(str(getattr(wanted, "type", None)), rate_hz if isinstance(rate_hz, int) else None)
