"""What a line hears, in the input format of the session."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.transcoding import TranscodeStream

__all__ = ["Uplink"]

_MAX_HELD: Final = 50
"""Frames that wait for the session's answer, a second: it comes within milliseconds, or through a relay within a round
trip. Behind that, sound that may be in the wrong format is better than none."""


class Uplink:
    """Holds the sound back while it is not known in which format the session expects it."""

    def __init__(self) -> None:
        self._encoding = PCM
        self._transcode = TranscodeStream(PCM, PCM)
        self._held: list[bytes] | None = []  # until the session has said what it expects

    def heard(self, pcm: bytes) -> list[bytes]:
        """More sound, 24 kHz PCM16, as the session expects it; nothing while it is held back."""
        if self._held is None:
            return self._encoded([pcm])
        self._held.append(pcm)
        return self.release(self._encoding) if len(self._held) >= _MAX_HELD else []

    def hold(self) -> None:
        """A change of the format may be on its way to the session."""
        if self._held is None:
            self._held = []

    def release(self, encoding: Encoding) -> list[bytes]:
        """The session has answered and expects this. Returns what was held back."""
        if encoding != self._encoding:
            self._encoding, self._transcode = encoding, TranscodeStream(PCM, encoding)
        held, self._held = self._held, None
        return self._encoded(held or [])

    def _encoded(self, pieces: list[bytes]) -> list[bytes]:
        return [audio for pcm in pieces if (audio := self._transcode.push(pcm))]
