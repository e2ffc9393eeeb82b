"""Audio of a conversation, kept up to a limit. None by default: an hour of speech in both directions is 350 MB."""

from __future__ import annotations

__all__ = ["AudioStore"]


class AudioStore:
    """Audio by item and content part; when `limit_bytes` are full, the oldest part is dropped first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes: int = 0
        self._pieces: dict[tuple[str, int], list[bytes]] = {}

    def add(self, item_id: str, content_index: int, audio: bytes) -> None:
        """Keep the next piece of a part. A part that is larger than the limit is not kept."""
        if self.limit_bytes <= 0:
            return
        self._pieces.setdefault((item_id, content_index), []).append(audio)
        self.held_bytes += len(audio)
        while self.held_bytes > self.limit_bytes:
            self._drop(next(iter(self._pieces)))

    def get(self, item_id: str, content_index: int) -> bytes | None:
        """All of a part that was added; None if it is not kept."""
        pieces = self._pieces.get((item_id, content_index))
        if pieces is None:
            return None
        pieces[:] = [b"".join(pieces)]
        return pieces[0]

    def cut(self, item_id: str, content_index: int, n_bytes: int) -> None:
        """Keep the first `n_bytes` of a part."""
        audio = self.get(item_id, content_index)
        if audio is not None:
            kept = audio[:n_bytes]
            self.held_bytes -= len(audio) - len(kept)
            self._pieces[item_id, content_index] = [kept]

    def remove(self, item_id: str) -> None:
        """Drop the audio of an item."""
        for key in [key for key in self._pieces if key[0] == item_id]:
            self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        self._pieces.clear()
        self.held_bytes = 0

    def _drop(self, key: tuple[str, int]) -> None:
        self.held_bytes -= sum(map(len, self._pieces.pop(key)))
