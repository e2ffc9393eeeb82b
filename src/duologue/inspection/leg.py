"""The leg of a telephone call: what its caller heard, by the carrier's queue as it is played; marks, clears, keys."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.play_queue import PlayedAudio, PlayQueue
from duologue.errors import AudioError
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.view import CallLegMoment, LegMomentKind
from duologue.recording import LegLine

__all__ = ["LegLane"]

_JOINED_S: Final = 0.001
"""Pieces are told in whole samples: a shorter break is none."""

_MAX_QUEUED_S: Final = 3600
"""Of speech that is queued; no answer is as long, and a damaged recording may have anything."""

_MOMENTS: Final[dict[tuple[str, str], LegMomentKind]] = {
    ("started", "received"): "started",
    ("mark", "sent"): "mark",
    ("mark", "received"): "returned",
    ("clear", "sent"): "clear",
    ("key", "received"): "key",
    ("flow", "received"): "flow",
    ("ended", "received"): "ended",
    ("ended", "sent"): "ended",
}
"""By kind and direction of a line; of everything else there is no row."""

_MIN_HZ, _MAX_HZ = 8_000, 192_000


class LegLane:
    """Takes the lines of a leg in order."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._queue: PlayQueue | None = None
        self._encoding: Encoding | None = None
        self._heard: CallLegMoment | None = None
        """The last stretch."""

    def take(self, line: LegLine) -> None:
        """Take a line."""
        self.passes(line.at_s)
        if line.kind == "audio":
            if line.direction == "sent":
                self._queued(line)
            return
        kind = _MOMENTS.get((line.kind, line.direction))
        if kind is None:
            return
        text = line.protocol if kind == "started" else line.name
        moment = CallLegMoment(at_s=line.at_s, kind=kind, text=shortened(text))
        if kind in ("clear", "ended"):
            moment.dropped_ms = self._emptied(line.at_s, kind)
        self._rows.add("leg", moment)

    def passes(self, at_s: float) -> None:
        """Time has passed: the carrier has played more."""
        for event in self._queue.advance(at_s) if self._queue is not None else ():
            if not isinstance(event, PlayedAudio) or self._encoding is None:
                continue
            end_s = event.at_s + len(event.audio) / self._encoding.bytes_per_s
            last = self._heard
            if last is not None and last.end_s is not None and event.at_s <= last.end_s + _JOINED_S:
                last.end_s = end_s
                self._rows.touch(last)
            else:
                self._heard = self._rows.add("leg", CallLegMoment(at_s=event.at_s, kind="heard", end_s=end_s))

    def _queued(self, line: LegLine) -> None:
        try:
            encoding = Encoding.of(line.format, line.rate_hz or None)
        except AudioError:
            return
        if not _MIN_HZ <= encoding.rate_hz <= _MAX_HZ:
            return
        if self._queue is None or encoding != self._encoding:
            self._queue, self._encoding = PlayQueue(encoding), encoding
        audio = line.audio or b""
        whole = len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
        if self._queue.waiting_bytes + whole <= _MAX_QUEUED_S * encoding.bytes_per_s:
            self._queue.push(audio[:whole], now=line.at_s)

    def _emptied(self, at_s: float, kind: LegMomentKind) -> int:
        if self._queue is None or self._encoding is None:
            return 0
        dropped_ms = self._encoding.duration_ms(self._queue.waiting_bytes)
        self._queue.clear(now=at_s)
        if dropped_ms and self._heard is not None:
            self._heard.text = "the queue was emptied" if kind == "clear" else "the call ended"
            self._rows.touch(self._heard)
            self._heard = None
        return dropped_ms
