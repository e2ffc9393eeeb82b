"""Whether the voice detector hears what Silero's shipped graph hears: speech, noise, music, alone and together.

Every recording in the repository is heard clean, quiet, in white and in pink noise and over music, with a pause before
and behind it; noise, music and silence are heard alone. The reference is the shipped graph, a stream at a time. Against
it stands the detector as the server uses it: all streams at once, in pieces of 20 ms, of which frames are run together.
Turns are found as the server finds them. Differences are in frames of 32 ms.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

import numpy as np

from bench._rounds import report
from duologue.audio.wav import parse_wav
from duologue.engines.speech.onnx import open_session
from duologue.engines.speech.silero import SileroModel
from duologue.engines.speech.weights import SILERO
from duologue.engines.worker import Worker
from duologue.events import ServerVad
from duologue.protocol.server.turn_detection import TurnEnded, TurnSettings, TurnStarted, VadTurns

RATE_HZ: Final = 16_000
FRAME: Final = 512
FRAME_MS: Final = 32
PIECE: Final = RATE_HZ // 50
PAUSE_S: Final = 1.0
THRESHOLDS: Final = (0.25, 0.35, 0.5)
"""At which turns decide: surely silent, speech that goes on, speech that begins."""


def recordings() -> dict[str, Any]:
    """The recorded sentences and the questions, by name, as samples."""
    folders = (files("duologue.cli").joinpath("speech"), Path(__file__).parent.parent / "tests" / "speech")
    return {
        entry.name.removesuffix(".wav"): np.frombuffer(
            parse_wav(entry.read_bytes(), name=entry.name).at(RATE_HZ).pcm16, "<i2"
        ).astype(np.float64)
        for folder in folders
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".wav")
    }


def pink(n: int, chance: Any) -> Any:
    """Noise of equal power in each octave."""
    spectrum = np.fft.rfft(chance.standard_normal(n))
    sound = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), n)
    return sound / sound.std()


def music(n: int) -> Any:
    """Chords with overtones, four in a second."""
    time, sound = np.arange(n) / RATE_HZ, np.zeros(n)
    chords = ((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247))
    for index, chord in enumerate(chords):
        on = ((time * 4).astype(int) % 4 == index) * np.exp(-((time * 4) % 1))
        sound += on * sum(np.sin(2 * np.pi * f * k * time) / k for f in chord for k in (1, 2, 3))
    return sound / sound.std()


def streams() -> dict[str, Any]:
    """All that is heard, by what it is."""
    chance, heard = np.random.default_rng(0), dict[str, Any]()
    pause = np.zeros(int(PAUSE_S * RATE_HZ))
    for name, speech in recordings().items():
        sound = np.concatenate([pause, speech, pause])
        loud = speech.std()
        heard[f"{name} clean"] = sound
        heard[f"{name} quiet"] = sound * 0.06
        heard[f"{name} white"] = sound + chance.standard_normal(len(sound)) * loud * 0.3
        heard[f"{name} pink"] = sound + pink(len(sound), chance) * loud * 0.3
        heard[f"{name} music"] = sound + music(len(sound)) * loud * 0.3
    n = 10 * RATE_HZ
    heard |= {
        "white alone": chance.standard_normal(n) * 3000,
        "pink alone": pink(n, chance) * 3000,
        "music alone": music(n) * 3000,
        "silence alone": np.zeros(n),
    }
    return {name: sound.clip(-32768, 32767).astype("<i2") for name, sound in heard.items()}


def shipped(samples: Any) -> list[float]:
    """The probabilities of the shipped graph."""
    session = open_session(SILERO.verified()["silero_vad_16k_op15.onnx"])
    context, state, found = np.zeros(64, np.float32), np.zeros((2, 1, 128), np.float32), list[float]()
    for frame in samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float32) / 32768:
        audio = np.concatenate([context, frame])[None]
        output, state = session.run(None, {"input": audio, "state": state, "sr": np.array(RATE_HZ, np.int64)})
        found.append(float(output[0, 0]))
        context = frame[-64:]
    return found


async def ours(sounds: Sequence[Any]) -> list[list[float]]:
    """Those of the detector, all streams at the same time."""
    async with Worker(threads=1) as worker:
        model = SileroModel(worker)

        async def hear(samples: Any) -> list[float]:
            detector, found = model.detector(), list[float]()
            pcm16 = samples.tobytes()
            for at in range(0, len(pcm16), 2 * PIECE):
                found += await detector.detect(pcm16[at : at + 2 * PIECE])
            return found

        return list(await asyncio.gather(*map(hear, sounds)))


def turns(probabilities: list[float]) -> tuple[list[int], list[int]]:
    """Where turns begin and end, in milliseconds."""
    found, settings = VadTurns(), TurnSettings.of(ServerVad())
    events = list(found.push(probabilities, FRAME_MS, settings))
    return (
        [event.audio_ms for event in events if isinstance(event, TurnStarted)],
        [event.audio_ms for event in events if isinstance(event, TurnEnded)],
    )


def main() -> None:
    """Compare, and print."""
    heard = streams()
    expected = {name: shipped(samples) for name, samples in heard.items()}
    found = dict(zip(heard, asyncio.run(ours(list(heard.values()))), strict=True))
    worst, changed, n_turns, missed, extra, moved = 0.0, 0, 0, 0, 0, 0.0
    alone = {True: 0, False: 0}
    for name, theirs in expected.items():
        mine = found[name]
        worst = max(worst, max(abs(a - b) for a, b in zip(mine, theirs, strict=True)))
        changed += sum((a >= t) != (b >= t) for a, b in zip(mine, theirs, strict=True) for t in THRESHOLDS)
        if name.endswith("alone"):
            alone[True] += sum(p >= THRESHOLDS[-1] for p in mine)
            alone[False] += sum(p >= THRESHOLDS[-1] for p in theirs)
        for at, (my_turns, their_turns) in enumerate(zip(turns(mine), turns(theirs), strict=True)):
            if at == 0:
                n_turns += len(their_turns)
                missed += max(0, len(their_turns) - len(my_turns))
                extra += max(0, len(my_turns) - len(their_turns))
            moved = max([moved, *(abs(a - b) / FRAME_MS for a, b in zip(my_turns, their_turns, strict=False))])
    figures: dict[str, float] = {
        "streams": len(heard),
        "frames": sum(map(len, expected.values())),
        "worst_difference": float(f"{worst:.1e}"),
        "decisions_changed": changed,
        "turns": n_turns,
        "turns_missed": missed,
        "turns_extra": extra,
        "moved_frames_max": moved,
        "speech_frames_without_speech": alone[True],
        "speech_frames_without_speech_shipped": alone[False],
    }
    report(figures, "\n".join(f"{name:38} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
