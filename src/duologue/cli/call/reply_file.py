"""Writes the server's speech to a WAV file as it arrives."""

from __future__ import annotations

from pathlib import Path

from duologue.audio.formats import PCM, Encoding
from duologue.audio.wav import WavWriter
from duologue.errors import AudioError
from duologue.events import ResponseAudioDeltaEvent

__all__ = ["ReplyFile"]


class ReplyFile:
    """Collects the speech of all responses, one after the other. Close it in any case.

    When writing fails, the call goes on: the first failure is kept in `failure`.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        """Raises `AudioError` when the file cannot be created."""
        self.path = path
        self.failure: AudioError | None = None
        self._rest = b""
        self._encoding = PCM
        self._wav = WavWriter(path, rate_hz=PCM.rate_hz, replace=replace)

    @property
    def duration_ms(self) -> int:
        """Milliseconds of speech in the file."""
        return self._wav.duration_ms

    def take(self, event: ResponseAudioDeltaEvent, encoding: Encoding) -> None:
        """Append a piece of speech in the session's output format."""
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
        """Close the file, which is valid unless writing failed. A file without speech is deleted."""
        try:
            self._wav.close()
            if not self.duration_ms and self.path.is_file():
                self.path.unlink()
        except OSError as fault:
            self._fail(f"writing {self.path} stopped: {fault.strerror or fault}", fault)

    def _follow(self, encoding: Encoding) -> None:
        """Start the file anew at the session's sample rate. Raises AudioError if there is speech in it already."""
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
