"""Turn detection from a stream of speech probabilities. Time is audio time, counted in frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import UNSET, Struct

from duologue.events import SemanticVad, ServerVad
from duologue.protocol.states import TURN, ReportIllegal, TurnInput, TurnState, raise_illegal, step

__all__ = [
    "MIN_SPEECH_MS",
    "PAUSE_MS",
    "TurnEnded",
    "TurnEvent",
    "TurnPaused",
    "TurnResumed",
    "TurnSettings",
    "TurnStarted",
    "VadTurns",
]

MIN_SPEECH_MS: Final = 96
"""Shorter sounds are clicks and coughs: three frames of the shipped detector."""

PAUSE_MS: Final = 192
"""Silence after which a turn may be over: six frames of the shipped detector, twice as long as a stop consonant. The
300 ms that are left of the default silence are enough to transcribe a sentence."""

_HYSTERESIS: Final = 0.15
"""Speech ends at a lower probability than it starts at, so that one weak frame inside a word does not end it. The
shipped detector was tuned with this margin."""

_LOWEST: Final = 0.05
"""At zero and below every frame would be speech, and no turn would end."""

_SURELY_SILENT: Final = 0.25
"""Independent of the threshold: a frame above it may hold the rest of a word, and then a transcript without that frame
is not reliable."""

_LONGEST_WAIT_MS: Final = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""The longest wait of `semantic_vad`, by eagerness: the maxima that the hosted service documents."""

_SHORTEST_WAIT_MS: Final = {"low": 500, "medium": 350, "auto": 350, "high": 300}
"""The wait of `semantic_vad` after words that are certainly complete: `PAUSE_MS`, and the time to transcribe them."""

_SURE: Final = 0.8
"""The highest completeness in practice: no end-of-turn detector gives a plain statement more."""


class TurnSettings(Struct, frozen=True):
    """The settings of turn detection, from `turn_detection` on the wire."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    """Silence that ends a turn. With `semantic_vad` the longest; `end_of_turn_estimated` shortens it."""
    create_response: bool = True
    interrupt_response: bool = True
    complete_silence_ms: int | None = None
    """Silence that ends a turn whose words are complete; None without `semantic_vad`."""

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
                eagerness = wire.eagerness if wire.eagerness in _LONGEST_WAIT_MS else "auto"
                return TurnSettings(
                    silence_duration_ms=_LONGEST_WAIT_MS[str(eagerness)],
                    complete_silence_ms=_SHORTEST_WAIT_MS[str(eagerness)],
                    **shared,
                )

    def wait_ms(self, completeness: float) -> float:
        """Silence that ends a turn which is complete with this probability. The wait falls exponentially with it."""
        longest_ms = float(self.silence_duration_ms)
        if self.complete_silence_ms is None:
            return longest_ms
        steps: float = min(max(completeness / _SURE, 0.0), 1.0)
        return float(longest_ms * (self.complete_silence_ms / longest_ms) ** steps)


class TurnStarted(Struct, frozen=True):
    """A turn began at `audio_ms`, without the padding before it."""

    audio_ms: int


class TurnPaused(Struct, frozen=True):
    """The turn may be over: there was silence for `PAUSE_MS`."""

    audio_ms: int


class TurnResumed(Struct, frozen=True):
    """The turn is not over: something followed the pause."""

    audio_ms: int


class TurnEnded(Struct, frozen=True):
    """A turn ended; `audio_ms` is the end of the silence that ended it."""

    audio_ms: int


TurnEvent: TypeAlias = TurnStarted | TurnPaused | TurnResumed | TurnEnded

_IN_SILENCE: Final = frozenset({TurnState.FALLING, TurnState.PAUSED})
_IN_TURN: Final = (TurnState.SPEAKING, *_IN_SILENCE)


class VadTurns:
    """Finds turns in one stream of audio, from its first frame on."""

    def __init__(self, *, report_illegal: ReportIllegal = raise_illegal) -> None:
        self.state: TurnState = TurnState.SILENT
        self._report_illegal = report_illegal
        self.audio_ms: float = 0.0
        """How much audio has been pushed."""
        self._lasts_ms = 0.0
        """How long the current run of speech, or of non-speech, has lasted."""
        self._clear_ms = 0.0
        """How long every frame has been below `_SURELY_SILENT`."""
        self._wait_ms: float | None = None
        """Silence that ends the turn, if the completeness of its words before this pause is known."""

    @property
    def speaking(self) -> bool:
        """Whether a turn is in progress."""
        return self.state in _IN_TURN

    @property
    def silent(self) -> bool:
        """Whether the user is silent at this moment."""
        return self.state is not TurnState.SPEAKING

    def reset(self) -> None:
        """The current turn was ended by other means: wait for the next one."""
        self.state = TurnState.SILENT
        self._lasts_ms = self._clear_ms = 0.0
        self._wait_ms = None

    def goes_on(self, probabilities: Sequence[float], frame_ms: float, threshold: float) -> bool:
        """Push these, if by all of them speech goes on in the middle of a turn, or silence between two: the usual case,
        which changes nothing but the time. False: nothing was pushed."""
        if self.state is TurnState.SILENT:
            for probability in probabilities:  # mostly one: `max` and `min` would cost more than all the rest
                if probability >= threshold:
                    return False
        elif self.state is TurnState.SPEAKING and probabilities:
            threshold = _lower(threshold)
            for probability in probabilities:
                if probability < threshold:
                    return False
        else:
            return False
        self.audio_ms += frame_ms * len(probabilities)
        return True

    def push(self, probabilities: Sequence[float], frame_ms: float, settings: TurnSettings) -> Iterator[TurnEvent]:
        """Push the speech probabilities of the next frames. Yields what they start, interrupt or end."""
        for probability in probabilities:
            self.audio_ms += frame_ms
            before, sound = self.state, self._sound(probability, settings.threshold)
            if before is (TurnState.SPEAKING if sound is TurnInput.SPEECH else TurnState.SILENT):
                continue  # the usual case: speech goes on, or silence does
            self._step(sound, frame_ms)
            if before is TurnState.PAUSED and self.state is not TurnState.PAUSED:
                self._wait_ms = None
                yield TurnResumed(round(self.audio_ms))
            if self.state is TurnState.RISING and self._lasts_ms >= MIN_SPEECH_MS:
                started_ms = self.audio_ms - self._lasts_ms
                self._step(TurnInput.ENOUGH_SPEECH, frame_ms)
                yield TurnStarted(round(started_ms))
            elif (stopped := self._stopped(settings)) is not None:
                yield stopped
            elif self.state is TurnState.FALLING and self._clear_ms >= PAUSE_MS:
                self._step(TurnInput.ENOUGH_PAUSE, 0)
                yield TurnPaused(round(self.audio_ms))

    def end_of_turn_estimated(self, completeness: float, settings: TurnSettings) -> TurnEnded | None:
        """The words before the pause are a complete turn with this probability. Returns the end, if it is reached."""
        if self.state is not TurnState.PAUSED:
            return None
        self._wait_ms = settings.wait_ms(completeness)
        return self._stopped(settings)

    def settings_changed(self) -> TurnResumed | None:
        """Drop the completeness, which belongs to the old settings. Returns the end of the pause, if there is one."""
        self._wait_ms = None
        if self.state is not TurnState.PAUSED:
            return None
        self._step(TurnInput.MURMUR, 0)
        return TurnResumed(round(self.audio_ms))

    def _sound(self, probability: float, threshold: float) -> TurnInput:
        if self.speaking:
            threshold = _lower(threshold)
        if probability >= threshold:
            return TurnInput.SPEECH
        return TurnInput.MURMUR if probability >= _SURELY_SILENT else TurnInput.SILENCE

    def _stopped(self, settings: TurnSettings) -> TurnEnded | None:
        wait_ms = settings.silence_duration_ms if self._wait_ms is None else self._wait_ms
        if self.state not in _IN_SILENCE or self._lasts_ms < wait_ms:
            return None
        self._step(TurnInput.ENOUGH_SILENCE, 0)
        self._wait_ms = None
        return TurnEnded(round(self.audio_ms))

    def _step(self, happened: TurnInput, frame_ms: float) -> None:
        following = step(TURN, self.state, happened, report=self._report_illegal) or self.state
        goes_on = following is self.state or {following, self.state} == _IN_SILENCE
        self._lasts_ms = self._lasts_ms + frame_ms if goes_on else frame_ms
        if happened is not TurnInput.ENOUGH_PAUSE:
            self._clear_ms = self._clear_ms + frame_ms if happened is TurnInput.SILENCE else 0.0
        self.state = following


def _lower(threshold: float) -> float:
    """The threshold during a turn."""
    return max(threshold - _HYSTERESIS, _LOWEST)
