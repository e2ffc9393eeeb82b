"""Audio cut into frames of equal length, and when each is due: what a telephone line or a loudspeaker is fed with.

    framer: push · flush                         bytes to frames
    pacer:  push · finish · take · clear         frames to moments; `next_due_at` says when to ask again

Nothing here knows the time: `now` is any clock in seconds that does not go backwards.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from duologue.audio.formats import Encoding
from duologue.errors import AudioError

__all__ = ["FRAME_MS", "Framer", "Pacer", "silence"]

FRAME_MS: Final = 20
"""What telephony sends, and a whole number of samples at every usual rate."""

_SILENT_BYTES: Final = {"audio/pcmu": b"\xff", "audio/pcma": b"\xd5"}
"""Zero, as the two companding laws write it."""


def silence(encoding: Encoding, n_bytes: int) -> bytes:
    """So many bytes of silence."""
    return _SILENT_BYTES.get(encoding.type, b"\0") * n_bytes


class Framer:
    """Cuts one stream into frames of `frame_ms`; how the stream came in pieces leaves no trace."""

    def __init__(self, encoding: Encoding, *, frame_ms: int = FRAME_MS) -> None:
        """Raises `AudioError` for a length that is no whole number of samples."""
        if frame_ms <= 0 or frame_ms * encoding.rate_hz % 1000:
            raise AudioError(f"{frame_ms} ms are no whole number of samples at {encoding.rate_hz} Hz")
        self.encoding = encoding
        self.frame_samples: int = frame_ms * encoding.rate_hz // 1000
        self.frame_bytes: int = self.frame_samples * encoding.bytes_per_sample
        self._rest = b""

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._rest)

    def push(self, audio: bytes) -> list[bytes]:
        """The frames that this piece completes."""
        joined = self._rest + audio
        whole = len(joined) // self.frame_bytes * self.frame_bytes
        self._rest = joined[whole:]
        return [joined[at : at + self.frame_bytes] for at in range(0, whole, self.frame_bytes)]

    def flush(self) -> bytes:
        """The last frame, filled up with silence; nothing if there is none. The next `push` begins a new stream."""
        rest, self._rest = self._rest, b""
        # Half a sample is the begin of nothing.
        rest = rest[: len(rest) // self.encoding.bytes_per_sample * self.encoding.bytes_per_sample]
        return rest + silence(self.encoding, self.frame_bytes - len(rest)) if rest else b""


class Pacer:
    """Hands out a stream at the speed of its sound.

    The n-th frame of a run is due exactly n frames behind the first, however late `take` is called: lateness does not
    add up. A run ends when there is nothing to hand out at the moment when it is due; the next frame begins another.
    """

    def __init__(
        self, encoding: Encoding, *, frame_ms: int = FRAME_MS, lead_ms: int = 0, max_late_ms: int | None = None
    ) -> None:
        """`lead_ms` is how far ahead of its sound a run is handed out, for a receiver that keeps a reserve. Where a
        frame is taken more than `max_late_ms` late, the rest is put off, and not handed out at once; None: never.

        Raises:
            AudioError: a frame is no whole number of samples.
        """
        self._framer = Framer(encoding, frame_ms=frame_ms)
        self._lead_s = lead_ms / 1000
        self._max_late_s = max_late_ms / 1000 if max_late_ms is not None else inf
        self._frames: deque[bytes] = deque()
        self._began_at = -inf
        self._run = 0
        """Frames of this run that have been handed out."""

    @property
    def next_due_at(self) -> float:
        """When the next frame is due; infinity while there is none."""
        return self._due_at if self._frames else inf

    @property
    def waiting_ms(self) -> int:
        """How much sound is still to be handed out, the begin of a frame included."""
        return self._framer.encoding.duration_ms(self._waiting_bytes)

    def push(self, audio: bytes, *, now: float) -> None:
        """More of the stream."""
        self._add(self._framer.push(audio), now)

    def finish(self, *, now: float) -> None:
        """The stream ends here: its last frame is filled up with silence."""
        last = self._framer.flush()
        self._add([last] if last else [], now)

    def take(self, now: float) -> list[bytes]:
        """The frames that are due, in order."""
        due: list[bytes] = []
        if (late_s := now - self.next_due_at) > self._max_late_s:
            self._began_at += late_s
        while self.next_due_at <= now:
            due.append(self._frames.popleft())
            self._run += 1
        return due

    def clear(self) -> int:
        """Drop audio that was not handed out, for example on an interruption. Returns its bytes."""
        dropped = self._waiting_bytes
        self._frames.clear()
        self._framer.flush()
        self._began_at = -inf
        return dropped

    @property
    def _waiting_bytes(self) -> int:
        return len(self._frames) * self._framer.frame_bytes + self._framer.held_bytes

    @property
    def _sound_s(self) -> float:
        # From the number of samples and not by adding up: sums of rounded seconds drift.
        return self._run * self._framer.frame_samples / self._framer.encoding.rate_hz

    @property
    def _due_at(self) -> float:
        return self._began_at + max(0.0, self._sound_s - self._lead_s)

    def _add(self, frames: list[bytes], now: float) -> None:
        if frames and not self._frames and now > self._began_at + self._sound_s:
            self._began_at, self._run = now, 0
        self._frames += frames
