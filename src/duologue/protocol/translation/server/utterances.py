"""Cuts a stream of input audio into utterances, each of which is translated by itself.

A translation is wanted while the speaker goes on, so that a long turn is cut at its pauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from duologue.audio.formats import PCM
from duologue.protocol.server.turn_detection import (
    TurnEnded,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    TurnStarted,
    VadTurns,
)
from duologue.protocol.states import ReportIllegal, raise_illegal

__all__ = ["SourceUtterance", "Utterances"]

_SETTINGS: Final = TurnSettings()
"""Those of a Realtime session: translation sessions have no settings for it."""

_PADDING_MS: Final = _SETTINGS.prefix_padding_ms

_CUT_AT_PAUSE_MS: Final = 4_000
"""A longer turn is translated up to its next pause: a sentence or two, enough context for a translation."""

_MAX_MS: Final = 20_000
"""Longer speech without any pause is cut where it is, so that its translation is not later than this."""

_TAIL_MS: Final = 200
"""Of the silence that ended a turn, this much is kept: the end of a word may be softer than the threshold."""


class SourceUtterance(Struct, frozen=True):
    """Speech that is translated as a whole."""

    audio: bytes
    start_ms: int
    """Where it begins in the input audio."""
    end_ms: int


class Utterances:
    """Collects the audio of one session, PCM16 at 24 kHz, and yields its utterances."""

    def __init__(self, *, report_illegal: ReportIllegal = raise_illegal) -> None:
        self._turns = VadTurns(report_illegal=report_illegal)
        self._audio = bytearray()
        self._first_ms = 0
        """Where the audio that is kept begins."""
        self._start_ms: int | None = None
        """Where the utterance that is under way begins; None between two turns."""
        self._has_speech = False
        """Whether anything was said since `_start_ms`."""
        self.input_ms: int = 0
        """Length of all input audio."""
        self._n_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Audio that is kept."""
        return len(self._audio)

    @property
    def is_speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._start_ms is not None

    def append(self, audio: bytes) -> None:
        """More input audio, which the voice detector gets too."""
        self._audio += audio
        self._n_bytes += len(audio)
        self.input_ms = PCM.duration_ms(self._n_bytes)

    def detected(self, probabilities: Sequence[float], frame_ms: float) -> Iterator[SourceUtterance]:
        """The speech probabilities of the next frames. Yields the utterances that they complete."""
        for probability in probabilities:  # one by one, so that a cut falls on its frame
            for turn in self._turns.push((probability,), frame_ms, _SETTINGS):
                match turn:
                    case TurnStarted(audio_ms=at_ms):
                        self._start_ms, self._has_speech = max(self._first_ms, at_ms - _PADDING_MS), True
                    case TurnPaused(audio_ms=at_ms) if self._lasts_ms(at_ms) >= _CUT_AT_PAUSE_MS:
                        yield from self._cut(at_ms)
                    case TurnPaused():
                        pass  # too short to be cut
                    case TurnResumed():
                        self._has_speech = True
                    case TurnEnded(audio_ms=at_ms):
                        yield from self._cut(at_ms - _SETTINGS.silence_duration_ms + _TAIL_MS)
                        self._start_ms = None
            now_ms = round(self._turns.audio_ms)
            if self._lasts_ms(now_ms) >= _MAX_MS:
                yield from self._cut(now_ms)
                self._has_speech = True
        if self._start_ms is None:
            self._drop_until(round(self._turns.audio_ms) - _PADDING_MS - _SETTINGS.silence_duration_ms)

    def flush(self) -> Iterator[SourceUtterance]:
        """No more audio comes: yields what was said last, if anything was."""
        yield from self._cut(self.input_ms)
        self._turns.reset()
        self._start_ms = None
        self._drop_until(self.input_ms)

    def _lasts_ms(self, at_ms: int) -> int:
        return at_ms - self._start_ms if self._start_ms is not None and self._has_speech else 0

    def _cut(self, at_ms: int) -> Iterator[SourceUtterance]:
        """End an utterance here; the next one begins."""
        if self._start_ms is None:
            return
        start_ms, self._start_ms = self._start_ms, at_ms
        had_speech, self._has_speech = self._has_speech, False
        if had_speech and at_ms > start_ms:
            first, last = (PCM.bytes_for_ms(ms - self._first_ms) for ms in (start_ms, at_ms))
            yield SourceUtterance(bytes(self._audio[first:last]), start_ms, at_ms)
        self._drop_until(at_ms)

    def _drop_until(self, at_ms: int) -> None:
        n_ms = min(at_ms, self.input_ms) - self._first_ms
        if n_ms > 0:
            del self._audio[: PCM.bytes_for_ms(n_ms)]
            self._first_ms += n_ms
