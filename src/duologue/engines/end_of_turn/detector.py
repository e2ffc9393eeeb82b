"""The end-of-turn detector that comes with the package: it weighs the words and how the voice ended."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from math import exp, log
from typing import TYPE_CHECKING

from duologue.audio.samples import whole_samples
from duologue.engines.end_of_turn.phrasing import completeness
from duologue.engines.worker import Worker
from duologue.errors import MissingExtra

if TYPE_CHECKING:
    from duologue.engines.end_of_turn.prosody import Cadence

__all__ = ["EmbeddedEndOfTurn"]

_RATE_HZ = 16_000


class EmbeddedEndOfTurn:
    """Rates English by its words and punctuation, and by how the voice ended. Keeps no state between calls.

    Without the speech extra only the words count.
    """

    sample_rate_hz: int = _RATE_HZ
    name: str = "embedded"

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._cadence: Callable[[bytes, int], Cadence | None] = _no_cadence
        try:
            self._cadence = import_module("duologue.engines.end_of_turn.prosody").cadence
        except MissingExtra:
            return

    async def completeness(self, pcm16: bytes, transcript: str, /) -> float:
        """The probability that this is a complete turn. Cancelled: what is being computed is dropped.

        Raises:
            AudioError: an odd number of bytes.
            EngineError: the worker is overloaded or closed.
        """
        return await self._worker.run(self._completeness, whole_samples(pcm16), transcript)

    def _completeness(self, pcm16: bytes, transcript: str) -> float:
        words = completeness(transcript)
        voice = self._cadence(pcm16, _RATE_HZ)
        if voice is None:
            return words
        odds = log(words / (1 - words)) + voice.finality()
        return 1 / (1 + exp(-odds))


def _no_cadence(pcm16: bytes, rate_hz: int) -> None:
    """Replaces `cadence` where the speech extra is not installed."""
