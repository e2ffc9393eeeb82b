"""The judge of turns that comes with the package: what was said, and how the voice ended."""

from __future__ import annotations

from math import exp, log

from duologue.audio.samples import whole_samples
from duologue.engines.phrasing import completeness
from duologue.engines.prosody import cadence
from duologue.engines.worker import Worker

__all__ = ["EmbeddedJudge"]

_RATE_HZ = 16_000


class EmbeddedJudge:
    """Judges English by its words, with their marks, and weighs in how the voice ended. Keeps nothing between calls."""

    sample_rate_hz: int = _RATE_HZ
    name: str = "embedded"

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def completeness(self, pcm16: bytes, transcript: str, /) -> float:
        """The probability that this is a complete turn. Cancelled: what is being computed is dropped.

        Raises:
            AudioError: an odd number of bytes.
            EngineError: the worker is overloaded or closed.
        """
        return await self._worker.run(_judge, whole_samples(pcm16), transcript)


def _judge(pcm16: bytes, transcript: str) -> float:
    words = completeness(transcript)
    voice = cadence(pcm16, _RATE_HZ)
    if voice is None:
        return words
    odds = log(words / (1 - words)) + voice.finality()
    return 1 / (1 + exp(-odds))
