"""When a turn is taken to be over: silence alone against `semantic_vad`, on recorded speech with pauses in it.

Every recording is played with one pause at a time put into the middle of its sentence, at a place of low energy, and
once as it is. A premature cut is a turn that ends in such a pause; the wait is the time from the end of the speech to
the end of the turn. The real voice detector, transcriber and end-of-turn detector decide. Their work
counts as audio time, measured as time of a core, so that a busy machine changes nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

import numpy as np
from msgspec import Struct

from bench._rounds import report, wants_json
from duologue.audio.wav import parse_wav
from duologue.engines.registry import Engines, load_default
from duologue.events import SemanticVad, ServerVad
from duologue.protocol.server.turn_detection import (
    TurnEnded,
    TurnEvent,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    VadTurns,
)

RATE_HZ = 16_000
FRAME_MS = 32
PAUSES_MS = (600, 1000, 1500)
"""A breath, a search for a word, a hesitation."""

ROOM_LEVEL = 8.0
"""Standard deviation of the noise in inserted pauses, in steps of 16 bits: the recordings' own silence."""

WAYS: dict[str, TurnSettings] = {
    **{f"silence_{ms}": TurnSettings.of(ServerVad(silence_duration_ms=ms)) for ms in (200, 500, 800, 1200)},
    **{f"semantic_{name}": TurnSettings.of(SemanticVad(eagerness=name)) for name in ("high", "medium", "low")},
}

Samples: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.float32]]"


class Trial(Struct, frozen=True):
    """One recording, played once."""

    samples: Samples
    probabilities: list[float]
    pause_s: tuple[float, float] | None
    """Where the inserted pause begins and ends."""
    end_s: float
    """Where the speech is over."""


class Verdict(Struct, frozen=True):
    """What the words before a pause were judged to be, and how much later that was known."""

    completeness: float
    after_ms: float


def recordings() -> Iterator[Samples]:
    """The shipped ones: of a reader, and two questions of the shipped voice."""
    folders = (files("duologue.cli").joinpath("speech"), Path(__file__).parent.parent / "tests" / "speech")
    for folder in folders:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".wav"):
                sound = parse_wav(entry.read_bytes(), name=entry.name).at(RATE_HZ)
                yield np.frombuffer(sound.pcm16, "<i2").astype(np.float32)


def levels_db(samples: Samples, ms: int = 50) -> Samples:
    """Level of each stretch of so many milliseconds."""
    width = RATE_HZ * ms // 1000
    stretches = samples[: len(samples) // width * width].reshape(-1, width)
    return np.asarray(10 * np.log10(np.square(stretches).mean(axis=1) + 1e-9), np.float32)


def places(samples: Samples) -> tuple[list[int], int]:
    """Samples at which the sentence dips, and the one at which it ends."""
    levels, width = levels_db(samples), RATE_HZ // 20
    loud = np.flatnonzero(levels > levels.max() - 25)
    dips = [
        index
        for index in range(loud[0] + 8, loud[-1] - 8)
        if levels[index] == levels[max(0, index - 5) : index + 6].min() and levels[index] < levels.max() - 15
    ]
    return [index * width + width // 2 for index in dips], int(loud[-1] + 1) * width


async def trials(engines: Engines) -> list[Trial]:
    """All that is played."""

    def room(ms: int) -> Samples:
        # The same noise in every pause: the speech before it is rated once, for pauses of any length.
        noise = np.random.default_rng(0).standard_normal(RATE_HZ * ms // 1000)
        return np.asarray(noise * ROOM_LEVEL, np.float32)

    async def trial(samples: Samples, pause_s: tuple[float, float] | None, end_s: float) -> Trial:
        detector = engines.new_detector()
        assert detector.frame_ms == FRAME_MS
        return Trial(samples, list(await detector.detect(samples.astype("<i2").tobytes())), pause_s, end_s)

    found: list[Trial] = []
    for samples in recordings():
        dips, end = places(samples)
        rest = room(9000)  # longer than the longest wait
        found.append(await trial(np.concatenate([samples[:end], rest]), None, end / RATE_HZ))
        for dip in dips:
            for ms in PAUSES_MS:
                whole = np.concatenate([samples[:dip], room(ms), samples[dip:end], rest])
                pause_s = (dip / RATE_HZ, dip / RATE_HZ + ms / 1000)
                found.append(await trial(whole, pause_s, end / RATE_HZ + ms / 1000))
    return found


async def verdict_on(engines: Engines, pcm16: bytes) -> Verdict:
    """Transcribe and rate the speech so far."""
    begun_s = time.process_time()
    text = "".join([piece async for piece in engines.transcriber.transcribe(pcm16)])
    assert engines.end_of_turn is not None
    completeness = await engines.end_of_turn.completeness(pcm16, text)
    return Verdict(completeness, (time.process_time() - begun_s) * 1000)


async def stops(trial: Trial, settings: TurnSettings, engines: Engines, verdicts: dict[bytes, Verdict]) -> list[float]:
    """Seconds at which turns end, when verdicts come as late as they were worked out."""
    turns, found = VadTurns(), list[float]()
    pending: tuple[float, float] | None = None
    for probability in trial.probabilities:
        events: list[TurnEvent] = list(turns.push([probability], FRAME_MS, settings))
        if pending is not None and turns.audio_ms >= pending[0]:
            stopped = turns.end_of_turn_estimated(pending[1], settings)
            events, pending = events + ([stopped] if stopped else []), None
        for event in events:
            match event:
                case TurnPaused(audio_ms=audio_ms) if settings.complete_silence_ms is not None:
                    key = trial.samples[: audio_ms * RATE_HZ // 1000].astype("<i2").tobytes()
                    if key not in verdicts:
                        verdicts[key] = await verdict_on(engines, key)
                    pending = (turns.audio_ms + verdicts[key].after_ms, verdicts[key].completeness)
                case TurnResumed():
                    pending = None
                case TurnEnded(audio_ms=audio_ms):
                    found.append(audio_ms / 1000)
                    pending = None
                case _:
                    pass
    return found


def outcome(trial: Trial, ends_s: list[float]) -> tuple[bool, float | None]:
    """Whether the inserted pause cut the turn, and how long the end was waited for."""
    cut = trial.pause_s is not None and any(trial.pause_s[0] < end <= trial.pause_s[1] + 0.1 for end in ends_s)
    last = next((end for end in ends_s if end >= trial.end_s - 0.1), None)
    return cut, None if last is None else (last - trial.end_s) * 1000


async def run() -> None:
    """Measure, and print."""
    async with load_default({"responder": "scripted", "synthesizer": "scripted"}) as engines:
        played = await trials(engines)
        n_pauses = sum(trial.pause_s is not None for trial in played)
        figures: dict[str, float] = {"pauses": n_pauses, "ends": len(played) - n_pauses}
        lines = [
            f"{n_pauses} pauses in mid-sentence, {len(played) - n_pauses} sentence ends",
            "",
            f"{'':18}{'cut too early':>14}{'mean wait ms':>14}{'median':>9}",
        ]
        verdicts: dict[bytes, Verdict] = {}
        for name, settings in WAYS.items():
            outcomes = [(trial, *outcome(trial, await stops(trial, settings, engines, verdicts))) for trial in played]
            cuts = sum(cut for _, cut, _ in outcomes) / n_pauses
            waits_ms = [wait_ms for trial, _, wait_ms in outcomes if wait_ms is not None and not trial.pause_s]
            mean_ms, median_ms = statistics.mean(waits_ms), statistics.median(waits_ms)
            figures |= {
                f"{name}_cut_share": round(cuts, 3),
                f"{name}_wait_ms": round(mean_ms),
                f"{name}_wait_median_ms": round(median_ms),
            }
            lines.append(f"{name:18}{cuts:14.0%}{mean_ms:14.0f}{median_ms:9.0f}")
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    if not wants_json():
        sys.stdout.write("playing pauses ...\n")
    asyncio.run(run())
