"""The audio formats of the wire, and exact arithmetic between bytes and milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from duologue.audio import g711
from duologue.audio.samples import whole_samples
from duologue.errors import AudioError

__all__ = ["ENCODINGS", "PCM", "PCMA", "PCMU", "Encoding"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one mono stream of samples is written as bytes."""

    type: str
    """The wire's `format.type`."""
    rate_hz: int
    """Samples a second."""
    bytes_per_sample: int

    @property
    def bytes_per_s(self) -> int:
        return self.rate_hz * self.bytes_per_sample

    def duration_ms(self, n_bytes: int) -> int:
        """Whole milliseconds that this many bytes last, rounded down; half a sample does not count."""
        return n_bytes // self.bytes_per_sample * 1000 // self.rate_hz

    def bytes_for_ms(self, ms: int) -> int:
        """Bytes of the fewest whole samples that last `ms`, so that `duration_ms` of them is `ms` again.

        >>> from duologue.audio.formats import PCM, PCMU
        >>> PCM.bytes_for_ms(20), PCMU.bytes_for_ms(20)
        (960, 160)
        """
        return -(-ms * self.rate_hz // 1000) * self.bytes_per_sample

    def to_pcm16(self, data: bytes) -> bytes:
        """Decode to PCM16 at the same rate.

        Raises:
            AudioError: PCM of an odd number of bytes.
        """
        match self.type:
            case "audio/pcmu":
                return g711.ulaw_to_pcm16(data)
            case "audio/pcma":
                return g711.alaw_to_pcm16(data)
            case _:
                return whole_samples(data)

    def from_pcm16(self, pcm16: bytes) -> bytes:
        """Encode PCM16 of the same rate.

        Raises:
            AudioError: an odd number of bytes.
        """
        match self.type:
            case "audio/pcmu":
                return g711.pcm16_to_ulaw(pcm16)
            case "audio/pcma":
                return g711.pcm16_to_alaw(pcm16)
            case _:
                return whole_samples(pcm16)

    @staticmethod
    def of(type: str, rate_hz: int | None = None) -> Encoding:
        """The encoding that a wire object names; `rate_hz` is its optional rate.

        Raises:
            AudioError: an unknown type, or a rate that the type does not come in.
        """
        encoding = ENCODINGS.get(type)
        if encoding is None:
            raise AudioError(f"unknown audio format {type!r}; known: {', '.join(ENCODINGS)}")
        if rate_hz is None or rate_hz == encoding.rate_hz:
            return encoding
        if encoding is not PCM:
            raise AudioError(f"{type} is always {encoding.rate_hz} Hz, not {rate_hz} Hz")
        if rate_hz <= 0:
            raise AudioError(f"a sample rate is positive, not {rate_hz} Hz")
        return replace(PCM, rate_hz=rate_hz)


PCM = Encoding("audio/pcm", rate_hz=24_000, bytes_per_sample=2)
"""PCM16 at 24,000 Hz: signed 16-bit little-endian samples, mono. The default of sessions."""
PCMU = Encoding("audio/pcmu", rate_hz=8_000, bytes_per_sample=1)
"""G.711 µ-law at 8,000 Hz, a byte for each sample: telephone lines of North America and Japan."""
PCMA = Encoding("audio/pcma", rate_hz=8_000, bytes_per_sample=1)
"""G.711 A-law at 8,000 Hz, a byte for each sample: telephone lines elsewhere."""

ENCODINGS = {encoding.type: encoding for encoding in (PCM, PCMU, PCMA)}
"""By wire type. PCM is signed 16-bit little-endian; its rate is a default, that of G.711 is fixed."""
