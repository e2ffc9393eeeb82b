"""Voice activity detection by Silero VAD (version 6, 16 kHz), which separates speech from music and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from duologue.audio.extras import needs
from duologue.audio.samples import whole_samples
from duologue.engines.speech.onnx import Array, Session, open_session
from duologue.engines.speech.weights import SILERO
from duologue.engines.worker import Worker

with needs("speech"):
    import numpy as np

__all__ = ["SileroDetector", "SileroModel", "detectors"]

_RATE_HZ = 16_000
_FRAME_SAMPLES = 512
_FRAME_BYTES = 2 * _FRAME_SAMPLES
_CONTEXT_SAMPLES = 64  # the end of the frame before, which the model reads in front of each frame
_STATE_SHAPE = (2, 1, 128)


class SileroModel:
    """The weights, loaded once and shared by every stream."""

    def __init__(self, worker: Worker) -> None:
        """Blocks while it loads. Raises `EngineError` as `Weights.verified` does."""
        self.worker = worker
        self._session: Session = open_session(SILERO.verified()["silero_vad_16k_op15.onnx"])
        self._rate: Array = np.array(_RATE_HZ, np.int64)

    def detector(self) -> SileroDetector:
        """A detector for a new stream of audio."""
        return SileroDetector(self)

    def frames(self, pcm16: bytes, context: Array, state: Array) -> tuple[list[float], Array, Array]:
        """Probabilities of whole frames, and the context and state for the frame after them. Computes: blocks."""
        samples = np.frombuffer(pcm16, "<i2").astype(np.float32) / 32768
        probabilities: list[float] = []
        for frame in samples.reshape(-1, _FRAME_SAMPLES):
            audio = np.concatenate([context, frame])[None]
            output, state = self._session.run(None, {"input": audio, "state": state, "sr": self._rate})
            probabilities.append(float(output[0, 0]))
            context = frame[-_CONTEXT_SAMPLES:]
        return probabilities, context, state


class SileroDetector:
    """Detects speech in one stream, in frames of 32 ms."""

    sample_rate_hz: int = _RATE_HZ
    frame_ms: int = 32

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._rest = b""
        self._context: Array = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._state: Array = np.zeros(_STATE_SHAPE, np.float32)

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        """Probability of speech for each frame that this audio completes; all of them cost one trip to a thread.

        One call at a time. Cancelled: this audio counts as not heard.

        Raises:
            AudioError: an odd number of bytes.
            EngineError: the worker is overloaded or closed.
        """
        audio = self._rest + whole_samples(pcm16)
        whole = len(audio) // _FRAME_BYTES * _FRAME_BYTES
        if not whole:
            self._rest = audio
            return ()
        compute = self._model.worker.run(self._model.frames, audio[:whole], self._context, self._state)
        probabilities, self._context, self._state = await compute
        self._rest = audio[whole:]
        return probabilities


def detectors(worker: Worker) -> Callable[[], SileroDetector]:
    """What makes detectors that share one set of weights. Blocks while it loads; raises as `SileroModel` does."""
    return SileroModel(worker).detector
