"""The user's turn, found in a stream of speech probabilities. Time here is audio time, counted in frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import UNSET, Struct

from duologue.events import SemanticVad, ServerVad
from duologue.protocol.tables import TURN, TurnInput, TurnState, step

__all__ = ["MIN_SPEECH_MS", "SpeechStarted", "SpeechStopped", "TurnDetector", "TurnSettings"]

MIN_SPEECH_MS: Final = 96
"""Shorter sounds are clicks and coughs: three frames of the shipped detector."""

_HYSTERESIS: Final = 0.15
"""Speech ends at a lower probability than it begins at, so that one weak frame inside a word ends nothing; the
margin is the one that the shipped detector was tuned with."""

_SEMANTIC_SILENCE_MS: Final = {"low": 2000, "medium": 1000, "auto": 1000, "high": 500}
"""Silence that ends a turn under `semantic_vad`, by eagerness. This server judges by silence alone there; the hosted
one caps the wait at 8, 4 and 2 seconds and usually ends the turn much earlier."""


class TurnSettings(Struct, frozen=True):
    """What `turn_detection` comes down to."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True

    @staticmethod
    def of(wire: ServerVad | SemanticVad) -> TurnSettings:
        """The settings that a complete `turn_detection` object describes."""
        shared = {
            "create_response": wire.create_response is not False,
            "interrupt_response": wire.interrupt_response is not False,
        }
        match wire:
            case ServerVad():
                given = {
                    name: value
                    for name in ("threshold", "prefix_padding_ms", "silence_duration_ms")
                    if (value := getattr(wire, name)) is not UNSET and value is not None
                }
                return TurnSettings(**given, **shared)
            case SemanticVad():
                silence_ms = _SEMANTIC_SILENCE_MS.get(
                    wire.eagerness if isinstance(wire.eagerness, str) else "auto", 1000
                )
                return TurnSettings(silence_duration_ms=silence_ms, **shared)


class SpeechStarted(Struct, frozen=True):
    """A turn began at `audio_ms`; the padding before it is not counted in."""

    audio_ms: int


class SpeechStopped(Struct, frozen=True):
    """A turn ended; `audio_ms` is where that was certain, behind the silence."""

    audio_ms: int


_TurnEvent: TypeAlias = SpeechStarted | SpeechStopped


class TurnDetector:
    """Follows one stream of audio from its first byte."""

    def __init__(self) -> None:
        self.state = TurnState.SILENT
        self.audio_ms = 0.0
        """How much audio has been judged."""
        self._lasts_ms = 0.0
        """How long the present run of speech or of silence has lasted."""

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self.state in (TurnState.SPEAKING, TurnState.FALLING)

    def forget(self) -> None:
        """The turn under way was ended by other means: wait for the next one."""
        self.state = TurnState.SILENT
        self._lasts_ms = 0.0

    def judge(self, probabilities: Sequence[float], frame_ms: float, settings: TurnSettings) -> Iterator[_TurnEvent]:
        """What the next frames begin or end."""
        for probability in probabilities:
            self.audio_ms += frame_ms
            threshold = settings.threshold
            if self.speaking:
                threshold = max(threshold - _HYSTERESIS, 0.05)
            self._step(TurnInput.SPEECH if probability >= threshold else TurnInput.SILENCE, frame_ms)
            if self.state is TurnState.RISING and self._lasts_ms >= MIN_SPEECH_MS:
                started_ms = self.audio_ms - self._lasts_ms
                self._step(TurnInput.ENOUGH_SPEECH, frame_ms)
                yield SpeechStarted(round(started_ms))
            elif self.state is TurnState.FALLING and self._lasts_ms >= settings.silence_duration_ms:
                self._step(TurnInput.ENOUGH_SILENCE, frame_ms)
                yield SpeechStopped(round(self.audio_ms))

    def _step(self, happened: TurnInput, frame_ms: float) -> None:
        following = step(TURN, self.state, happened) or self.state
        self._lasts_ms = self._lasts_ms + frame_ms if following is self.state else frame_ms
        self.state = following
