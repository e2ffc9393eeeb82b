"""Input audio on the session's time: what waits for its moment, and what has been heard."""

from __future__ import annotations

from duologue.audio.formats import Encoding
from duologue.audio.pacing import silence
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["HeardAudio", "InputTrack"]


class InputTrack:
    """The input of one session, and how far its time has come. What is heard may be a little ahead of that."""

    def __init__(self, encoding: Encoding, account: MemoryAccount, *, max_ahead_ms: int) -> None:
        self._encoding = encoding
        self._account = account
        self._max_ahead_ms = max_ahead_ms
        self._ahead = bytearray()
        self._received_bytes = 0
        self._taken_ms = 0
        self.position_ms = 0
        """How far the session's time has come."""
        self.is_muted = False
        """Whether what is appended counts as silence."""

    @property
    def received_ms(self) -> int:
        """Length of all audio that has come."""
        return self._encoding.duration_ms(self._received_bytes)

    def append(self, audio: bytes) -> None:
        """More audio, whole samples. Raises RefusedCommand if too much waits already."""
        ahead_ms = self._encoding.duration_ms(self._received_bytes + len(audio)) - self.position_ms
        if ahead_ms > self._max_ahead_ms:
            raise RefusedCommand("too_far_ahead", ahead_ms=ahead_ms, max_ms=self._max_ahead_ms)
        try:
            self._account.take("input", len(audio), param="audio")
        except InvalidRequest as invalid:
            raise RefusedCommand.of(invalid) from invalid
        self._ahead += silence(self._encoding, len(audio)) if self.is_muted else audio
        self._received_bytes += len(audio)

    def take(self, until_ms: int) -> bytes:
        """The audio up to this time that has not been taken. What has not come is silence."""
        n_bytes = self._encoding.bytes_for_ms(max(0, until_ms - self._taken_ms))
        self._taken_ms = max(self._taken_ms, until_ms)
        audio = bytes(self._ahead[:n_bytes])
        del self._ahead[:n_bytes]
        self._account.change("input", -len(audio))
        missing = n_bytes - len(audio)
        # Silence in place of audio counts as received: the position is never ahead of what came.
        self._received_bytes += missing
        return audio + silence(self._encoding, missing)

    def release(self) -> None:
        """The session is over."""
        self._account.change("input", -len(self._ahead))
        self._ahead.clear()


class HeardAudio:
    """The last part of what has been heard, for the transcriber. Times are those of the session."""

    def __init__(self, encoding: Encoding, account: MemoryAccount, *, max_ms: int) -> None:
        self._encoding = encoding
        self._account = account
        self._max_bytes = encoding.bytes_for_ms(max_ms)
        self._audio = bytearray()
        self._begin_bytes = 0
        """Where the kept part begins."""

    @property
    def end_ms(self) -> int:
        """How much has been heard."""
        return self._encoding.duration_ms(self._begin_bytes + len(self._audio))

    def add(self, audio: bytes) -> None:
        """More has been heard. The oldest part is dropped beyond the limit."""
        self._audio += audio
        self._account.change("input", len(audio))
        self._drop(len(self._audio) - self._max_bytes)

    def forget(self, before_ms: int) -> None:
        """What comes before this time is not asked for any more."""
        self._drop(self._encoding.bytes_for_ms(max(0, before_ms)) - self._begin_bytes)

    def between(self, start_ms: int, end_ms: int) -> bytes:
        """The audio of this span, as far as it is kept."""
        start = max(0, self._encoding.bytes_for_ms(max(0, start_ms)) - self._begin_bytes)
        end = max(0, self._encoding.bytes_for_ms(max(0, end_ms)) - self._begin_bytes)
        return bytes(self._audio[start:end])

    def release(self) -> None:
        """The session is over."""
        self._drop(len(self._audio))

    def _drop(self, n_bytes: int) -> None:
        n_bytes = min(n_bytes, len(self._audio))
        if n_bytes > 0:
            del self._audio[:n_bytes]
            self._begin_bytes += n_bytes
            self._account.change("input", -n_bytes)
