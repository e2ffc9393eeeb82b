"""Caller's audio in the order of its chunks, for carriers that do not promise one."""

from __future__ import annotations

from typing import Final

from duologue.telephony.codecs.leg_events import CallerAudio

__all__ = ["ChunkOrder"]

_HELD: Final = 4
"""Pieces that wait for a missing one: 80 ms, after which the line counts as silent anyway."""


class ChunkOrder:
    """Sorts pieces by their number. A piece that comes after its place was given up is dropped."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, CallerAudio] = {}

    def push(self, piece: CallerAudio) -> list[CallerAudio]:
        """The pieces that are next now, in order. One without a number is next at once."""
        if piece.chunk is None:
            return [piece]
        if self._next is None:
            self._next = piece.chunk
        if piece.chunk < self._next:
            return []
        self._held[piece.chunk] = piece
        if len(self._held) > _HELD:
            self._next = min(self._held)
        ready: list[CallerAudio] = []
        while (found := self._held.pop(self._next, None)) is not None:
            ready.append(found)
            self._next += 1
        return ready
