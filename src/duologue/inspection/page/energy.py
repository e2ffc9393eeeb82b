"""Where audio is louder than what is behind it: our own, simple detector, beside that of the server."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["EnergyDetector", "EnergySpan"]

_LEAST: Final = 4
"""Of 255: 36 dB below full scale. Quieter speech is not understood either."""

_ABOVE: Final = 3.0
"""Times the background: 10 dB."""

_RISES: Final = 0.003
"""Share of the way that the background rises in a step: half way in 2.3 s. It falls at once."""

_BEGINS: Final = 3
_WITHIN: Final = 5
"""So many loud steps of 10 ms within so many begin a span: a click has one or two."""

_ENDS: Final = 25
"""Steps without a loud one end it: pauses between words are shorter."""


class EnergySpan(Struct):
    """Steps from `first` to `last`, both loud."""

    first: int
    last: int


class EnergyDetector:
    """Takes peaks of one stream (see `PeakMeter`), and says from which step to which it is loud."""

    def __init__(self) -> None:
        self._floor = 1.0
        self._step = 0
        self._loud: list[int] = []
        """The latest loud steps outside of a span."""
        self._open: EnergySpan | None = None

    def push(self, peaks: bytes) -> list[EnergySpan]:
        """Spans that have begun or grown."""
        changed: dict[int, EnergySpan] = {}
        for peak in peaks:
            is_loud = peak >= max(_LEAST, self._floor * _ABOVE)
            self._floor = min(peak, self._floor + (peak - self._floor) * _RISES)
            if is_loud and (span := self._heard(self._step)) is not None:
                changed[span.first] = span
            elif self._open is not None and self._step - self._open.last >= _ENDS:
                self._open = None
            self._step += 1
        return list(changed.values())

    def restart(self) -> None:
        """The stream had a break: what comes is no part of an open span, and steps count from 0."""
        self._open, self._step = None, 0
        self._loud.clear()

    def _heard(self, step: int) -> EnergySpan | None:
        if self._open is not None:
            self._open.last = step
            return self._open
        self._loud = [*(each for each in self._loud if step - each < _WITHIN), step]
        if len(self._loud) < _BEGINS:
            return None
        self._open = EnergySpan(self._loud[0], step)
        self._loud = []
        return self._open
