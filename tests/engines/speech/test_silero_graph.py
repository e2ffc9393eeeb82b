"""The network as products of matrices hears what the shipped graph hears, alone and among other streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from duologue.engines.base import VoiceDetector
from duologue.engines.speech.onnx import open_session
from duologue.engines.speech.silero import SileroModel
from duologue.engines.speech.weights import SILERO
from duologue.engines.worker import Worker

np = pytest.importorskip("numpy", reason="the speech extra is not installed")

THRESHOLDS = (0.25, 0.35, 0.5)
"""At which the detection of turns decides."""


def shipped(samples: Any) -> list[float]:
    """The probabilities of the shipped graph, frame by frame."""
    session = open_session(SILERO.verified()["silero_vad_16k_op15.onnx"])
    context, state = np.zeros(64, np.float32), np.zeros((2, 1, 128), np.float32)
    found: list[float] = []
    for frame in samples[: len(samples) // 512 * 512].reshape(-1, 512).astype(np.float32) / 32768:
        audio = np.concatenate([context, frame])[None]
        output, state = session.run(None, {"input": audio, "state": state, "sr": np.array(16_000, np.int64)})
        found.append(float(output[0, 0]))
        context = frame[-64:]
    return found


def sounds(recordings: dict[str, bytes]) -> list[Any]:
    """The recordings, and noise, music and silence."""
    random, time = np.random.default_rng(0), np.arange(32_000)
    chord = sum(np.sin(time * f * 2 * np.pi / 16_000) for f in (220, 277, 330)) * (1 + np.sin(time / 4_000)) * 3_000
    speech = [np.frombuffer(pcm16, "<i2") for pcm16 in recordings.values()]
    noisy = speech[0] * 0.5 + random.standard_normal(len(speech[0])) * 800
    others = (random.standard_normal(32_000) * 3_000, chord, np.zeros(32_000), noisy.clip(-32768, 32767))
    return [*speech, *(each.astype("<i2") for each in others)]


def test_every_decision_is_that_of_the_shipped_graph(recordings: dict[str, bytes]) -> None:
    model = SileroModel(Worker(threads=1))
    heard = sounds(recordings)
    expected = [shipped(each) for each in heard]
    # All streams in one batch, until each has ended.
    memories = [np.zeros(320, np.float32) for _ in heard]
    found: list[list[float]] = [[] for _ in heard]
    for at in range(max(map(len, expected))):
        rows = [row for row in range(len(heard)) if at < len(expected[row])]
        frames = [heard[row][512 * at : 512 * (at + 1)] for row in rows]
        for row, p, memory in zip(rows, *model.run(frames, [memories[row] for row in rows]), strict=True):
            found[row].append(p)
            memories[row] = memory
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
        for threshold in THRESHOLDS:
            assert [p >= threshold for p in ours] == [p >= threshold for p in theirs]


async def test_a_detector_hears_what_the_shipped_graph_hears(
    new_detector: Callable[[], VoiceDetector], recordings: dict[str, bytes]
) -> None:
    for pcm16 in recordings.values():
        assert list(await new_detector().detect(pcm16)) == pytest.approx(shipped(np.frombuffer(pcm16, "<i2")), abs=1e-4)
