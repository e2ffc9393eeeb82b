"""Audio in the pieces in which it came: nothing is copied while it grows, and most of it is never asked for again."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Final

__all__ = ["AudioPieces", "add_piece"]

_PIECE_BYTES: Final = 256
"""Shorter pieces are put together to this length: an object of its own for each byte would take forty times its memory,
and for 256 bytes takes a sixth more. 20 ms have 320 bytes or more, but for G.711, which has 160."""


def add_piece(pieces: MutableSequence[bytes | bytearray], audio: bytes) -> None:
    """Add audio behind these pieces."""
    if len(audio) >= _PIECE_BYTES:
        pieces.append(audio)
    elif pieces and len(pieces[-1]) < _PIECE_BYTES:
        pieces[-1] += audio
    else:
        pieces.append(bytearray(audio))


class AudioPieces:
    """Audio that grows behind. `bytes` of it is all of it."""

    __slots__ = ("_n_bytes", "_pieces")

    def __init__(self, audio: bytes = b"") -> None:
        self._pieces: list[bytes | bytearray] = [audio] if audio else []
        self._n_bytes = len(audio)

    def __len__(self) -> int:
        return self._n_bytes

    def __bytes__(self) -> bytes:
        pieces = self._pieces
        if len(pieces) != 1 or not isinstance(pieces[0], bytes):
            pieces[:] = [b"".join(pieces)]
        return bytes(pieces[0])

    def add(self, audio: bytes) -> None:
        """Add audio behind the rest. What may change later (a `bytearray`, a view) is copied."""
        add_piece(self._pieces, bytes(audio))
        self._n_bytes += len(audio)

    def keep(self, n_bytes: int) -> None:
        """Drop all but the first bytes."""
        if n_bytes < self._n_bytes:
            self._pieces = [bytes(self)[:n_bytes]]
            self._n_bytes = n_bytes
