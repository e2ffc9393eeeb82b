"""`duologue say`: speaks a text into a WAV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.audio.wav import Sound, WavWriter
from duologue.cli.errors import UsageError, check_writable
from duologue.cli.run import run_to_end
from duologue.engines.base import Synthesizer
from duologue.engines.registry import DEFAULTS, load
from duologue.engines.worker import Worker

__all__ = ["say"]

_RATE_HZ: Final = 24_000
_LOWEST_HZ, _HIGHEST_HZ = 8_000, 48_000
"""Of a telephone line, and of studio equipment; servers take rates between them."""

_LOWEST_SPEED, _HIGHEST_SPEED = 0.25, 1.5
"""As the protocol limits `audio.output.speed`."""


def say(
    text: str,
    file: Path,
    /,
    *,
    voice: Annotated[str | None, Parameter(help="Voice; a name that it does not have lists those it has.")] = None,
    rate: Annotated[int, Parameter(help="Samples per second: 8000 for a telephone line, up to 48000.")] = _RATE_HZ,
    speed: Annotated[float, Parameter(help="From 0.25 for slow to 1.5 for fast.")] = 1.0,
    force: Annotated[bool, Parameter(help="Replace FILE if it exists already.")] = False,
) -> int:
    """Speak TEXT into FILE, a WAV file: mono, 16 bits. Needs no network and no key.

    The voice is the one that the server speaks with by default; it speaks English. The same text gives the same file.
    """
    if not _LOWEST_HZ <= rate <= _HIGHEST_HZ:
        raise UsageError(f"--rate is a number from {_LOWEST_HZ} to {_HIGHEST_HZ}, not {rate}")
    if not _LOWEST_SPEED <= speed <= _HIGHEST_SPEED:
        raise UsageError(f"--speed is a number from {_LOWEST_SPEED:g} to {_HIGHEST_SPEED:g}, not {speed:g}")
    check_writable(file, force=force)
    return run_to_end(_say(text, file, voice=voice, rate_hz=rate, speed=speed, replace=force))


async def _say(text: str, file: Path, *, voice: str | None, rate_hz: int, speed: float, replace: bool) -> int:
    async with Worker(threads=1) as worker:
        synthesizer: Synthesizer = await load("synthesizer", DEFAULTS["synthesizer"], worker)
        chosen = _voice(voice, synthesizer.voices)
        pieces = [piece async for piece in synthesizer.synthesize(text, voice=chosen, speed=speed)]
    if not any(pieces):
        raise UsageError("the text has no letters and no digits: there is nothing to speak")
    # At the end, so that a failure leaves no file behind.
    sound = Sound(b"".join(pieces), synthesizer.sample_rate_hz).at(rate_hz)
    with WavWriter(file, rate_hz=rate_hz, replace=replace) as wav:
        wav.write(sound.pcm16)
    print(f"wrote {file}: {sound.duration_ms / 1000:.1f} s, {rate_hz} Hz, voice {chosen}")
    return 0


def _voice(asked_for: str | None, known: Sequence[str]) -> str:
    if asked_for is None:
        return known[0]
    if asked_for not in known:
        raise UsageError(f"there is no voice {asked_for!r}; known are {', '.join(known)}")
    return asked_for
