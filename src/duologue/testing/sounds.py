"""Sound for tests: short clips of speech that come with the package, silence, tones and noise, in any encoding.

clip("question")                     "What time is it?", mono PCM16 at 24 kHz
clip("arithmetic", "audio/pcmu")     G.711, for a telephone
tone(1000) + silence(800)            what the scripted engines hear as an utterance
noise(-50, ms=2000)                  the same noise each time

Recognisers of speech hear nothing in tones and noise: give them clips.
"""

from __future__ import annotations

import math
import random
import wave
from array import array
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final, Literal, TypeAlias, get_args

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.resampling import resample
from duologue.audio.samples import from_samples
from duologue.audio.wav import parse_wav
from duologue.errors import AudioError

__all__ = ["CLIPS", "SoundFormat", "clip", "noise", "silence", "tone"]

SoundFormat: TypeAlias = Literal["audio/pcm", "audio/pcmu", "audio/pcma", "audio/wav"]
"""The wire's `format.type`, and a WAV file."""

CLIPS: Final = {
    "question": ("What time is it?", "cli/speech/question_time.wav"),
    "arithmetic": ("What is seven times eight?", "cli/speech/question_arithmetic.wav"),
    "sentence": ("he was not an ill disposed young man", "conformance/speech/librivox_0880_24khz.wav"),
}
"""Clips by name: their words, and where they are. The first two are synthesised, the third is recorded."""

_ENCODINGS: Final = {"audio/pcm": PCM, "audio/pcmu": PCMU, "audio/pcma": PCMA, "audio/wav": PCM}

_FULL_SCALE: Final = 32_767


def clip(name: str = "question", format: SoundFormat = "audio/pcm", *, rate_hz: int | None = None) -> bytes:
    """Speech: mono, by default at 24 kHz, or at 8 kHz in G.711.

    Raises:
        AudioError: there is no such clip or format.
        MissingExtra: another rate than 24 kHz needs the extra `audio`.
    """
    if name not in CLIPS:
        raise AudioError(f"there is no clip {name!r}; there are {', '.join(CLIPS)}")
    encoding, rate = _encoding(format, rate_hz)
    return _written(resample(_speech(name), PCM.rate_hz, rate), format, encoding, rate)


def silence(ms: int, format: SoundFormat = "audio/pcm", *, rate_hz: int | None = None) -> bytes:
    """Digital silence. Raises AudioError."""
    encoding, rate = _encoding(format, rate_hz)
    return _written(bytes(2 * _count(ms, rate)), format, encoding, rate)


def tone(
    ms: int, format: SoundFormat = "audio/pcm", *, hz: float = 440, db: float = -12, rate_hz: int | None = None
) -> bytes:
    """A sine of this frequency; `db` is its RMS level below full scale, of which -3 is the most. Raises AudioError."""
    encoding, rate = _encoding(format, rate_hz)
    step, size = 2 * math.pi * hz / rate, _FULL_SCALE * math.sqrt(2) * 10 ** (db / 20)
    samples = array("h", (_clipped(size * math.sin(step * number)) for number in range(_count(ms, rate))))
    return _written(from_samples(samples), format, encoding, rate)


def noise(
    db: float = -40, format: SoundFormat = "audio/pcm", *, ms: int = 1000, seed: int = 1, rate_hz: int | None = None
) -> bytes:
    """White noise of this RMS level below full scale; the same for the same seed. Raises AudioError."""
    encoding, rate = _encoding(format, rate_hz)
    draw, size = random.Random(seed), _FULL_SCALE * math.sqrt(3) * 10 ** (db / 20)
    samples = array("h", (_clipped(size * (2 * draw.random() - 1)) for _ in range(_count(ms, rate))))
    return _written(from_samples(samples), format, encoding, rate)


@cache
def _speech(name: str) -> bytes:
    sound = parse_wav(files("duologue").joinpath(*CLIPS[name][1].split("/")).read_bytes())
    return sound.pcm16


def _encoding(format: str, rate_hz: int | None) -> tuple[Encoding, int]:
    encoding = _ENCODINGS.get(format)
    if encoding is None:
        raise AudioError(f"there is no format {format!r}; there are {', '.join(get_args(SoundFormat))}")
    if rate_hz is not None and rate_hz <= 0:
        raise AudioError(f"a sample rate is positive, not {rate_hz} Hz")
    return encoding, rate_hz or encoding.rate_hz


def _count(ms: int, rate_hz: int) -> int:
    if ms < 0:
        raise AudioError(f"sound cannot last {ms} ms")
    return -(-ms * rate_hz // 1000)


def _clipped(sample: float) -> int:
    return max(-_FULL_SCALE - 1, min(_FULL_SCALE, round(sample)))


def _written(pcm16: bytes, format: str, encoding: Encoding, rate_hz: int) -> bytes:
    if format != "audio/wav":
        return encoding.from_pcm16(pcm16)
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate_hz)
        written.writeframes(pcm16)
    return file.getvalue()
