"""The server's voice, into a WAV file as it comes."""

from __future__ import annotations

from pathlib import Path

from duologue.audio.formats import PCM, Encoding
from duologue.audio.wav import WavWriter
from duologue.errors import AudioError
from duologue.events import ResponseAudioDeltaEvent

__all__ = ["ReplyFile"]


class ReplyFile:
    """Collects the speech of all responses, one behind the other. A context manager's inside: close it in any case.

    When writing fails, the conversation goes on without: the first failure is kept in `failure`.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        """Raises `AudioError` when the file cannot be made."""
        self.path = path
        self.failure: AudioError | None = None
        self._rest = b""
        self._encoding = PCM
        self._wav = WavWriter(path, rate_hz=PCM.rate_hz, replace=replace)

    @property
    def duration_ms(self) -> int:
        """How much speech is in it."""
        return self._wav.duration_ms

    def take(self, event: ResponseAudioDeltaEvent, encoding: Encoding) -> None:
        """Append a piece of speech, which is in the session's output format."""
        if self.failure is not None:
            return
        try:
            self._follow(encoding)
            audio = self._rest + event.decode_audio()
            whole = len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
            self._rest = audio[whole:]
            self._wav.write(encoding.to_pcm16(audio[:whole]))
        except ValueError as fault:
            self._fail(f"{self.path} is incomplete: {fault}", fault)
        except AudioError as fault:
            self.failure = fault
        except OSError as fault:
            self._fail(f"writing {self.path} stopped: {fault.strerror or fault}", fault)

    def close(self) -> None:
        """Close the file; it is valid then, as long as there was room for it. One without speech is taken away."""
        try:
            self._wav.close()
            if not self.duration_ms and self.path.is_file():
                self.path.unlink()
        except OSError as fault:
            self._fail(f"writing {self.path} stopped: {fault.strerror or fault}", fault)

    def _follow(self, encoding: Encoding) -> None:
        """Begin the file anew if the session turns out to speak at another rate; once it speaks, it keeps its rate."""
        if encoding == self._encoding:
            return
        if encoding.rate_hz != self._wav.rate_hz:
            if self._wav.duration_ms:
                raise AudioError(f"{self.path} is incomplete: the session's sample rate changed")
            self._wav.close()
            self._wav = WavWriter(self.path, rate_hz=encoding.rate_hz)
        self._encoding, self._rest = encoding, b""

    def _fail(self, message: str, fault: Exception) -> None:
        if self.failure is None:
            self.failure = AudioError(message)
            self.failure.__cause__ = fault
