"""Writes the server's speech to a WAV file as it arrives."""

from __future__ import annotations

from pathlib import Path

from duologue.audio.files import check_creatable
from duologue.audio.formats import PCM, Encoding
from duologue.audio.wav import WavWriter
from duologue.errors import AudioError
from duologue.events import ResponseAudioDeltaEvent

__all__ = ["ReplyFile"]


class ReplyFile:
    """Collects the speech of all responses, one after the other. Close it in any case.

    The file is made when the first speech comes: without any, one that is there stays. When writing fails, the call
    goes on: the first failure is kept in `failure`.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        """Raises `AudioError` when the file could not be created."""
        try:
            check_creatable(path, replace=replace)
        except OSError as fault:
            raise AudioError(f"cannot write {path}: {fault.strerror or fault}") from fault
        self.path = path
        self.failure: AudioError | None = None
        self._rest = b""
        self._encoding = PCM
        self._replace = replace
        self._wav: WavWriter | None = None

    @property
    def duration_ms(self) -> int:
        """Milliseconds of speech in the file."""
        return self._wav.duration_ms if self._wav is not None else 0

    def take(self, event: ResponseAudioDeltaEvent, encoding: Encoding) -> None:
        """Append a piece of speech in the session's output format."""
        if self.failure is not None:
            return
        try:
            wav = self._follow(encoding)
            audio = self._rest + event.decode_audio()
            whole = len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
            self._rest = audio[whole:]
            wav.write(encoding.to_pcm16(audio[:whole]))
        except ValueError as fault:
            self._fail(f"{self.path} is incomplete: {fault}", fault)
        except AudioError as fault:
            self.failure = fault
        except OSError as fault:
            self._fail(f"writing {self.path} stopped: {fault.strerror or fault}", fault)

    def close(self) -> None:
        """Close the file, which is valid unless writing failed."""
        if self._wav is None:
            return
        try:
            self._wav.close()
        except OSError as fault:
            self._fail(f"writing {self.path} stopped: {fault.strerror or fault}", fault)

    def _follow(self, encoding: Encoding) -> WavWriter:
        """The file, at the session's sample rate. Raises AudioError if there is speech of another rate in it."""
        if self._wav is None:
            self._wav = WavWriter(self.path, rate_hz=encoding.rate_hz, replace=self._replace)
        elif encoding.rate_hz != self._wav.rate_hz:
            raise AudioError(f"{self.path} is incomplete: the session's sample rate changed")
        if encoding != self._encoding:
            self._encoding, self._rest = encoding, b""
        return self._wav

    def _fail(self, message: str, fault: Exception) -> None:
        if self.failure is None:
            self.failure = AudioError(message)
            self.failure.__cause__ = fault
