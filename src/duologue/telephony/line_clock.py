"""The caller's audio on a clock: one second of call is one second of audio, whatever the carrier sends.

Servers hear that a turn has ended by silence alone, and some carriers send nothing while the caller is silent.
"""

from __future__ import annotations

from math import inf
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import FRAME_MS, silence

__all__ = ["LineClock"]

_QUIET_MS: Final = 80
"""After so long without a frame the line counts as silent: what networks delay is mostly less."""

_LAG_MS: Final = _QUIET_MS - FRAME_MS
"""How far the audio stays behind the clock while silence is filled in: the first fill is one frame."""

_MAX_AHEAD_MS: Final = 100
"""Audio that is further ahead of the clock, because it came after silence was put in its place, is caught up with: the
line's own silent frames are left out."""

_MOST_AHEAD_MS: Final = 30_000
"""Audio that is further ahead is dropped: a network that has held back as much has lost the call, so this was never
spoken, and a model that hears it costs money by the minute."""

_TRUSTED_MS: Final = 1_000
"""How far a carrier's timestamps may lead the clock here: what it buffers when the call begins, and no more."""

_SILENT_PEAK: Final = 64
"""The highest sample of a silent frame, of 32,767: the noise of a line that carries nothing is lower."""


class LineClock:
    """What is to be appended to the session's input, from what the carrier sends.

        start · audio · tick           each returns audio, which may be none
        next_tick_at                   when `tick` is due

    `now` is any clock in seconds that does not go backwards. Late audio replaces nothing: it is appended too, so that
    no word is lost, and silence behind it is left out until the clock is right again. Half a minute ahead of the clock
    nothing more is taken.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.filled_ms: int = 0
        """How much silence was put in so far."""
        self._began_at: float | None = None
        self._heard_at = 0.0
        """When the carrier's last audio came."""
        self._appended_bytes = 0
        self._next_ms: int | None = None
        """Where the carrier's next audio is expected, on the carrier's clock."""
        self._filled_since_frame_ms = 0

    @property
    def next_tick_at(self) -> float:
        """When 20 ms of silence are due; infinity before the call."""
        if self._began_at is None:
            return inf
        return max(self._heard_at + _QUIET_MS / 1000, self._began_at + (self.appended_ms + _QUIET_MS) / 1000)

    @property
    def appended_ms(self) -> int:
        """How much audio was returned so far."""
        return self.encoding.duration_ms(self._appended_bytes)

    def start(self, now: float) -> None:
        """The call begins."""
        if self._began_at is None:
            self._began_at = self._heard_at = now

    def audio(self, piece: bytes, *, at_ms: int | None = None, now: float) -> bytes:
        """The caller's next audio, behind silence for what the carrier's clock says was lost before it."""
        if self._began_at is None:
            self.start(now)
        lost = 0
        if at_ms is not None:
            lost = self._lost_ms(at_ms, now)
            self._next_ms = at_ms + self.encoding.duration_ms(len(piece))
        self._heard_at = now
        self._filled_since_frame_ms = 0
        before = self._silence(lost) if lost else b""
        ahead_ms = self._ahead_ms(now)
        if ahead_ms > _MAX_AHEAD_MS and (ahead_ms > _MOST_AHEAD_MS or self._is_silent(piece)):
            return before
        self._appended_bytes += len(piece)
        return before + piece if before else piece

    def tick(self, now: float) -> bytes:
        """Silence, if the carrier has sent nothing for 80 ms."""
        if now < self.next_tick_at:
            return b""
        owed_ms = -self._ahead_ms(now) - _LAG_MS
        frames = max(1, round(owed_ms) // FRAME_MS)  # one at least: what is due may look shorter by a rounded digit
        self._filled_since_frame_ms += frames * FRAME_MS
        return self._silence(frames * FRAME_MS)

    def _lost_ms(self, at_ms: int, now: float) -> int:
        jump = 0 if self._next_ms is None else at_ms - self._next_ms - self._filled_since_frame_ms
        return max(0, min(jump, round(_TRUSTED_MS - self._ahead_ms(now)))) if jump > 0 else 0

    def _ahead_ms(self, now: float) -> float:
        began = self._began_at if self._began_at is not None else now
        return self.appended_ms - (now - began) * 1000

    def _silence(self, ms: int) -> bytes:
        filled = silence(self.encoding, self.encoding.bytes_for_ms(ms))
        self._appended_bytes += len(filled)
        self.filled_ms += ms
        return filled

    def _is_silent(self, piece: bytes) -> bool:
        width = PCM.bytes_per_sample
        pcm16 = self.encoding.to_pcm16(
            piece[: len(piece) // self.encoding.bytes_per_sample * self.encoding.bytes_per_sample]
        )
        if not pcm16:
            return True
        samples = memoryview(pcm16[: len(pcm16) // width * width]).cast("h")
        return max(map(abs, samples)) <= _SILENT_PEAK
