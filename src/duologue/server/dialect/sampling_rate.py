"""The rate of Voice Live's input, a setting beside its format: each may come alone, and keeps the other as it is."""

from __future__ import annotations

from typing import Any, Final

from duologue.dialects.places import Json, put, take

__all__ = ["SamplingRate"]

_DIALECT: Final = "azure-voice-live"
_USUAL_HZ: Final = 24_000
_PLACE: Final = "session.audio.input.format"


class SamplingRate:
    """Format and rate of one session's input, as far as the vendor's clients set them. Other dialects are left alone.

    https://learn.microsoft.com/azure/ai-services/speech-service/voice-live-how-to
    """

    def __init__(self, dialect: str) -> None:
        self._applies = dialect == _DIALECT
        self._g711, self._rate_hz = False, _USUAL_HZ
        self._pending = (self._g711, self._rate_hz)

    def read(self, frame: Json, canonical: Json) -> None:
        """Complete the canonical format of a client's frame, in place."""
        session: Any = frame.get("session")
        if not self._applies or frame.get("type") != "session.update" or not isinstance(session, dict):
            return
        name, rate_hz = session.get("input_audio_format"), session.get("input_audio_sampling_rate")
        g711 = self._g711 if name is None else str(name).startswith("g711")
        known_hz = rate_hz if type(rate_hz) is int and not g711 else self._rate_hz
        self._pending = (g711, known_hz)
        if g711:
            # It has 8 kHz, whatever is said; the answer says so.
            take(canonical, f"{_PLACE}.rate")
        elif rate_hz is not None or name == "pcm16":
            put(canonical, _PLACE, {"type": "audio/pcm", "rate": known_hz if rate_hz is None else rate_hz})

    def settle(self, *, accepted: bool) -> None:
        """The last update was accepted or rejected."""
        if accepted:
            self._g711, self._rate_hz = self._pending
        self._pending = (self._g711, self._rate_hz)
