"""Input audio in the session's format: another rate, encoding or number of channels is converted as a stream."""

from __future__ import annotations

from duologue.audio.buffers import AudioBuffer
from duologue.audio.formats import Encoding
from duologue.audio.input_stream import InputStream
from duologue.events import ClientEvent, InputAudioBufferClearEvent, InputAudioBufferCommitEvent
from duologue.protocol.client.validation import LocalChecks

__all__ = ["InputAudio"]


class InputAudio:
    """Each method returns what is to be appended now, in order. `checks` knows the session's input format."""

    def __init__(self, checks: LocalChecks) -> None:
        self._checks = checks
        self._stream = InputStream()

    def take(
        self, audio: AudioBuffer, *, encoding: Encoding | None, rate_hz: int | None, channels: int | None
    ) -> list[bytes]:
        """The next piece of a source.

        Raises:
            LocalProtocolError: the session's input format is not known, and the audio would have to be converted.
            AudioError: audio that cannot be converted.
            MissingExtra: converting it needs the `audio` extra.
        """
        if self._checks.takes_as_it_is(audio, encoding=encoding, rate_hz=rate_hz, channels=channels):
            as_it_is = bytes(audio)  # type: ignore[arg-type]  # it is bytes
            return [*self.rest(), as_it_is] if self._stream.is_open else [as_it_is]
        wanted = self._checks.convertible_input
        ready = self._stream.push(audio, wanted, encoding=encoding, rate_hz=rate_hz, channels=channels)
        return [ready] if ready else []

    def rest(self) -> list[bytes]:
        """The source ends here: what its resampler still holds."""
        ready = self._stream.flush()
        return [ready] if ready else []

    def before(self, event: ClientEvent) -> list[bytes]:
        """What belongs before a command: a commit ends the source, a clear drops what is left of it."""
        match event:
            case InputAudioBufferCommitEvent():
                return self.rest()
            case InputAudioBufferClearEvent():
                self.clear()
            case _:
                pass  # the source goes on after all others
        return []

    def clear(self) -> None:
        """Drop what is held: another session begins."""
        self._stream.clear()
