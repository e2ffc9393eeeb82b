"""Speech synthesis in English by hibari, a hundred times as fast as speech, with the weights in its package."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Generator
from threading import Lock
from typing import NamedTuple

from duologue.audio.extras import needs
from duologue.engines.speech.onnx import Array, Session, runtime
from duologue.engines.speech.weights import HIBARI
from duologue.engines.worker import Worker

with needs("speech"):
    import numpy as np

__all__ = ["TIMBRES", "HibariSynthesizer", "Timbre"]

_RATE_HZ = 24_000


class Timbre(NamedTuple):
    """A voice, as factors on the one that the weights hold."""

    pitch: float
    formant: float
    """The size of the speaker, as resonances: below 1 a larger one."""


TIMBRES = {
    "heart": Timbre(1.00, 1.00),
    "low": Timbre(0.75, 0.93),
    "deep": Timbre(0.50, 0.80),
    "baritone": Timbre(0.55, 0.85),
    "bright": Timbre(1.20, 1.12),
    # The names that clients of the hosted service send: each is close to one of the five, and all differ.
    "alloy": Timbre(0.78, 0.95),
    "ash": Timbre(0.58, 0.87),
    "ballad": Timbre(0.70, 0.91),
    "cedar": Timbre(0.53, 0.83),
    "coral": Timbre(1.10, 1.06),
    "echo": Timbre(0.62, 0.89),
    "marin": Timbre(1.04, 1.03),
    "sage": Timbre(0.95, 0.98),
    "shimmer": Timbre(1.15, 1.10),
    "verse": Timbre(0.66, 0.90),
}
"""By voice name; the first speaks for every name that is not here. The other voices of hibari would be downloaded."""

# The paces at which the model stays intelligible: within them a transcriber hears every word of it, at 0.4 and at 1.4
# it no longer does. Other speeds become the nearest of them. Large voices are spoken fast and played slowly, which
# leaves little room to speed them up.
_SLOWEST_PACE, _FASTEST_PACE = 0.5, 1.3

_GAIN = 1.8  # the model peaks at about 0.3 of full scale, well below what other voices are mixed at

# The model puts 0.3 s of silence before each piece and 0.4 s after: the first delays the answer, and two of
# them in a row sound like a hesitation.
_SILENCE = 0.004  # of full scale, 48 dB down: its pauses lie below, its softest consonants above
_LEAD_IN_SAMPLES = _RATE_HZ * 10 // 1000
_TAIL_SAMPLES = _RATE_HZ * 100 // 1000

# Audio of a long first sentence would start when all of it is computed: it is cut at its first clause instead. Below
# the minimum, a clause is too short for its melody.
_LONG_SENTENCE, _SHORTEST_CLAUSE = 60, 20
# It has no names for numbers of more than 36 digits, and fails at them; those of more than 15 are codes, and are read
# digit by digit. A word that no dictionary has is spelled out by a model in time by the square of its length, 3 s for
# 250 signs, so that it is cut where no word of English reaches.
_LONG_NUMBER = re.compile(r"\d(?:,?\d){15,}")
_LONG_WORD = re.compile(r"\S{40}(?=\S)")
_CLAUSE_END = re.compile(r"[,;:\u2013\u2014]\s+")


class HibariSynthesizer:
    """Speaks English. The same text gives the same samples, always."""

    sample_rate_hz: int = _RATE_HZ
    languages: tuple[str, ...] = ("en",)
    name: str = "hibari"
    voices: tuple[str, ...] = tuple(TIMBRES)

    def __init__(self, worker: Worker) -> None:
        """Blocks while it loads. Raises as `Weights.verified` does, and `MissingExtra`."""
        runtime()  # before hibari imports it, to have its telemetry off
        HIBARI.verified()
        with needs("speech"):
            import hibari
            import soxr
            from hibari import dsp
        self._worker = worker
        self._model = hibari.Hibari(threads=1)
        self._session: Session = self._model.sess
        self._waveform: Callable[..., Array] = dsp.synth
        self._resample: Callable[..., Array] = soxr.resample
        self._pronounce_lock = Lock()  # the tables of pronunciation are filled as they are used
        _ = self._model.g2p  # loads them now, not in the first reply

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """PCM16 of the text by sentences, the first one by clauses; `speed` is held where words stay words.

        Cancelled: the sentence under way is finished in its thread, in about 10 ms per second of speech, and dropped.

        Raises:
            EngineError: the worker is overloaded or closed.
        """
        timbre = TIMBRES.get(voice, next(iter(TIMBRES.values())))
        async for piece in self._worker.stream(self._speak, text, timbre, speed):
            yield piece

    def _speak(self, text: str, timbre: Timbre, speed: float) -> Generator[bytes, None, None]:
        """Computes: blocks."""
        for phrase in _phrases(self._model.split_sentences(_speakable(text))):
            if not any(map(str.isalnum, phrase)):
                continue
            with self._pronounce_lock:
                pronounced: list[str] = self._model.phonemize(phrase)
            for phonemes in pronounced:
                if pcm16 := _trimmed(self._samples(phonemes, timbre, speed) * _GAIN):
                    yield pcm16

    def _samples(self, phonemes: str, timbre: Timbre, speed: float) -> Array:
        """Float samples. Playing faster raises the resonances; the model, asked to be slower, takes back the haste."""
        pace = min(max(speed / timbre.formant, _SLOWEST_PACE), _FASTEST_PACE)
        inputs = {
            "ids": np.asarray([self._model.ids(phonemes)], np.int64),
            "speed": np.asarray([pace], np.float32),
        }
        *spectrum, f0_hz = (output[0] for output in self._session.run(None, inputs))
        seeded = np.random.default_rng(0)  # breath is noise: the same noise every time
        samples = self._waveform(*spectrum, f0_hz * (timbre.pitch / timbre.formant), seeded)
        if timbre.formant == 1.0:
            return samples
        return self._resample(samples, _RATE_HZ * timbre.formant, _RATE_HZ)


def _speakable(text: str) -> str:
    """The text without what the model fails at, or takes seconds for."""
    text = _LONG_NUMBER.sub(lambda number: " ".join(number[0].replace(",", "")), text)
    return _LONG_WORD.sub(lambda word: f"{word[0]} ", text)


def _phrases(sentences: list[str]) -> list[str]:
    """Sentences, of which a long first one is cut after a clause."""
    if not sentences or len(sentences[0]) <= _LONG_SENTENCE:
        return sentences
    first, *others = sentences
    end = _CLAUSE_END.search(first, _SHORTEST_CLAUSE)
    if end is None:
        return sentences
    return [first[: end.end()].rstrip(), first[end.end() :], *others]


def _trimmed(samples: Array) -> bytes:
    """PCM16 from just before the first sound to just after the last; nothing when there is none."""
    sounding = np.flatnonzero(np.abs(samples) > _SILENCE)
    if not len(sounding):
        return b""
    start, end = max(0, int(sounding[0]) - _LEAD_IN_SAMPLES), int(sounding[-1]) + 1 + _TAIL_SAMPLES
    pcm16: bytes = (samples[start:end] * 32767).round().clip(-32768, 32767).astype("<i2").tobytes()
    return pcm16
