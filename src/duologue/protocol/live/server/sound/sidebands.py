"""The control connections of a session, and the audio that they get: PCM16 of 24 kHz, whatever the session's format."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.resampling import ResampleStream
from duologue.errors import MissingExtra
from duologue.events.base import encode_audio
from duologue.events.live import LiveInputAudioAppendEvent, LiveOutputAudioDeltaEvent
from duologue.protocol.live.server.outgoing import SIDEBANDS, LiveOutbox

__all__ = ["Sidebands"]

_DELAY_MS: Final = 40
"""The resampler holds back up to 25 ms; with a silent beginning of this length every piece is complete."""


class Sidebands:
    """Those that are attached."""

    def __init__(self, encoding: Encoding, out: LiveOutbox, *, max_attached: int) -> None:
        self._encoding = encoding
        self._out = out
        self._max_attached = max_attached
        self._attached: set[str] = set()
        self._input: ResampleStream | None = None
        self._output: ResampleStream | None = None
        self._ready = bytearray()
        """Converted output that is not sent."""

    def attach(self, sideband_id: str) -> bool:
        """One more. False if there are too many, or nothing is installed that converts the session's audio."""
        if sideband_id not in self._attached and len(self._attached) >= self._max_attached:
            return False
        if self._encoding.rate_hz != PCM.rate_hz and self._output is None:
            try:
                self._input = ResampleStream(self._encoding.rate_hz, PCM.rate_hz)
                self._output = ResampleStream(self._encoding.rate_hz, PCM.rate_hz)
            except MissingExtra:
                return False
            self._ready += bytes(PCM.bytes_for_ms(_DELAY_MS))
        self._attached.add(sideband_id)
        return True

    def detach(self, sideband_id: str) -> None:
        """One is gone."""
        self._attached.discard(sideband_id)
        if not self._attached:
            self._input = self._output = None
            self._ready.clear()

    def input(self, audio: bytes) -> None:
        """Input audio as it came on the primary connection, before it is muted."""
        if not self._attached:
            return
        if self._input is not None:
            audio = self._input.push(self._encoding.to_pcm16(audio))
        if audio:
            self._out.send(LiveInputAudioAppendEvent.from_audio(audio), SIDEBANDS)

    def output(self, piece: bytes, start_ms: int, end_ms: int) -> None:
        """A piece of the output."""
        if not self._attached:
            return
        if self._output is not None:
            self._ready += self._output.push(self._encoding.to_pcm16(piece))
            n_bytes = PCM.bytes_for_ms(end_ms - start_ms)
            piece = bytes(self._ready[:n_bytes])
            del self._ready[:n_bytes]
        self._out.send(
            LiveOutputAudioDeltaEvent(delta=encode_audio(piece), start_ms=start_ms, end_ms=end_ms), SIDEBANDS
        )
