"""Both sides of a call as a caller hears them, in one file: the caller left, what was heard right."""

from __future__ import annotations

from array import array
from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.pacing import silence
from duologue.audio.samples import from_samples, to_samples

__all__ = ["CallSound"]

_LONGEST_S: Final = 3_600
"""Of each side; 16 bits at 16 kHz are 115 MB then. What comes later is not kept."""


class CallSound:
    """The sound of a call, in its encoding. Times are seconds of the call."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._sides = {"said": bytearray(), "heard": bytearray()}

    def said(self, at_s: float, audio: bytes) -> None:
        """The caller says this from `at_s` on."""
        self._put("said", at_s, audio)

    def heard(self, at_s: float, audio: bytes) -> None:
        """The caller hears this from `at_s` on."""
        self._put("heard", at_s, audio)

    @property
    def said_pcm16(self) -> bytes:
        """The caller's side, from the start of the call."""
        return self.encoding.to_pcm16(bytes(self._sides["said"]))

    @property
    def heard_pcm16(self) -> bytes:
        """What the caller heard, from the start of the call."""
        return self.encoding.to_pcm16(bytes(self._sides["heard"]))

    def stereo_pcm16(self) -> bytes:
        """Both, the caller left."""
        sides = [to_samples(each) for each in (self.said_pcm16, self.heard_pcm16)]
        stereo = array("h", bytes(4 * max(map(len, sides))))
        for number, side in enumerate(sides):
            stereo[number : 2 * len(side) : 2] = side
        return from_samples(stereo)

    def _put(self, side: str, at_s: float, audio: bytes) -> None:
        track, width = self._sides[side], self.encoding.bytes_per_sample
        at = round(at_s * self.encoding.rate_hz) * width
        if at < 0 or at + len(audio) > _LONGEST_S * self.encoding.bytes_per_s:
            return
        track += silence(self.encoding, at - len(track))
        track[at : at + len(audio)] = audio
