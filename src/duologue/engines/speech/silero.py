"""Voice activity detection by Silero VAD (version 6, 16 kHz), which separates speech from music and noise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from duologue.audio.extras import needs
from duologue.audio.samples import whole_samples
from duologue.engines.speech.frame_batch import FrameBatch
from duologue.engines.speech.onnx import Array, Session, open_session
from duologue.engines.speech.silero_graph import (
    AUDIO,
    CONTEXT_SAMPLES,
    FRAME_SAMPLES,
    MEMORY,
    MIRRORED_SAMPLES,
    STATE_SIZE,
    network,
)
from duologue.engines.speech.weights import SILERO
from duologue.engines.worker import Worker

with needs("speech"):
    import numpy as np

__all__ = ["SileroDetector", "SileroModel", "detectors"]

_RATE_HZ: Final = 16_000
_FRAME_BYTES: Final = 2 * FRAME_SAMPLES
_FRAME_S: Final = FRAME_SAMPLES / _RATE_HZ
_FRAME_END: Final = CONTEXT_SAMPLES + FRAME_SAMPLES

_MAX_IN_BATCH: Final = 8
"""Frames of one call that may be run on the event loop, one after another: a quarter of a second of audio, in half a
millisecond. More are run in a thread."""

_AHEAD_S: Final = 0.25
"""A stream that is further ahead of its own sound is a recording, which nothing is gained by holding back."""


class SileroModel:
    """The weights, loaded once and shared by every stream."""

    def __init__(self, worker: Worker) -> None:
        """Blocks while it loads. Raises `EngineError` as `Weights.verified` does."""
        self.worker = worker
        self._session: Session = open_session(network(SILERO.verified()["silero_vad_16k_op15.onnx"]))
        self._batches: WeakKeyDictionary[asyncio.AbstractEventLoop, FrameBatch] = WeakKeyDictionary()

    def detector(self) -> SileroDetector:
        """A detector for a new stream of audio."""
        return SileroDetector(self)

    def batch(self, loop: asyncio.AbstractEventLoop) -> FrameBatch:
        """The batch of all streams on this event loop."""
        batch = self._batches.get(loop)
        if batch is None:
            batch = self._batches[loop] = FrameBatch(self.run, loop)
        return batch

    def run(self, frames: Sequence[Array], memories: Sequence[Array]) -> tuple[list[float], list[Array]]:
        """The probability of one frame each of several streams, and their memories after it. Computes: blocks.

        A memory is 64 samples and the 256 numbers of the network's state.
        """
        before: Array = np.array(memories)
        audio = np.empty((len(frames), _FRAME_END + MIRRORED_SAMPLES), np.float32)
        audio[:, :CONTEXT_SAMPLES] = before[:, :CONTEXT_SAMPLES]
        np.multiply(np.array(frames), np.float32(1 / 32768), out=audio[:, CONTEXT_SAMPLES:_FRAME_END])
        audio[:, _FRAME_END:] = audio[:, _FRAME_END - 2 : _FRAME_END - 2 - MIRRORED_SAMPLES : -1]
        found, state = self._session.run(None, {AUDIO: audio, MEMORY: before[:, CONTEXT_SAMPLES:]})
        after = np.concatenate([audio[:, _FRAME_END - CONTEXT_SAMPLES : _FRAME_END], state], axis=1)
        # Copies: a view would keep the arrays of a whole batch for a stream that is silent from here on.
        return found[:, 0].tolist(), [memory.copy() for memory in after]

    def run_all(self, frames: Array, memory: Array) -> tuple[list[float], Array]:
        """The same for consecutive frames of one stream."""
        probabilities: list[float] = []
        for frame in frames:
            (probability,), (memory,) = self.run((frame,), (memory,))
            probabilities.append(probability)
        return probabilities, memory


class SileroDetector:
    """Detects speech in one stream, in frames of 32 ms."""

    sample_rate_hz: int = _RATE_HZ
    frame_ms: int = 32

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batch: FrameBatch | None = None
        self._rest = b""
        self._memory: Array = np.zeros(CONTEXT_SAMPLES + STATE_SIZE, np.float32)
        self._sounds_until = 0.0

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        """Probability of speech for each frame that this audio completes.

        Frames of all streams that come within a few milliseconds are run together, on the event loop; a quarter of a
        second and more at once is run in a thread. One call at a time. Cancelled: this audio counts as not heard.

        Raises:
            AudioError: an odd number of bytes.
            EngineError: the worker is overloaded or closed; only for what is run in a thread.
        """
        if len(self._rest) + len(pcm16) >= (_MAX_IN_BATCH + 1) * _FRAME_BYTES:
            audio, frames = self._frames(pcm16)
            run = self._model.worker.run(self._model.run_all, frames, self._memory)
            probabilities, self._memory = await run
            self._rest = audio[2 * frames.size :]
            return probabilities
        found = self.begin_detecting(pcm16)
        return await found if isinstance(found, asyncio.Future) else found

    def begin_detecting(self, pcm16: bytes, /) -> Sequence[float] | asyncio.Future[Sequence[float]]:
        """`detect` for a quarter of a second at most, without a task. One at a time, as with `detect`."""
        audio, frames = self._frames(pcm16)
        if not len(frames):
            self._rest = audio
            return ()
        if self._batch is None or self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._batch = self._model.batch(self._loop)
        now = self._loop.time()
        self._sounds_until = max(self._sounds_until, now) + len(frames) * _FRAME_S
        keep = partial(self._keep, audio[2 * frames.size :])
        return self._batch.add(frames, self._memory, keep, at_once=self._sounds_until > now + _AHEAD_S)

    def _frames(self, pcm16: bytes) -> tuple[bytes, Array]:
        """What waits and this, and the whole frames in it."""
        audio = self._rest + whole_samples(pcm16)
        n_frames = len(audio) // _FRAME_BYTES
        samples = np.frombuffer(audio, "<i2", n_frames * FRAME_SAMPLES)
        return audio, samples.reshape(n_frames, FRAME_SAMPLES)

    def _keep(self, rest: bytes, memory: Array) -> None:
        self._rest, self._memory = rest, memory


def detectors(worker: Worker) -> Callable[[], SileroDetector]:
    """What makes detectors that share one set of weights. Blocks while it loads; raises as `SileroModel` does."""
    return SileroModel(worker).detector
