"""Where frames end in what a connection has read, so that a turn of the event loop parses only so many."""

from __future__ import annotations

__all__ = ["FrameEnds"]


class FrameEnds:
    """Finds the ends of frames in the data of one connection (RFC 6455, section 5.2)."""

    def __init__(self) -> None:
        self._head = b""
        """The beginning of a frame whose length is not complete."""
        self._missing = 0
        """Missing bytes of the current frame."""

    @property
    def between(self) -> bool:
        """Whether what has come so far ends with a frame."""
        return not self._missing and not self._head

    def size_of(self, data: bytes | memoryview, frames: int) -> int:
        """The size of the first `frames` frames of the data; the rest must be passed again."""
        at, size = 0, len(data)
        for _ in range(frames):
            if self._missing >= size - at:
                self._missing -= size - at
                return size
            at += self._missing
            head = self._head + bytes(data[at : at + 10 - len(self._head)])
            short = head[1] & 127 if len(head) > 1 else 0
            n_head = 2 + {126: 2, 127: 8}.get(short, 0)
            if len(head) < n_head:
                self._head, self._missing = head, 0
                return size
            at += n_head - len(self._head)
            length = short if n_head == 2 else int.from_bytes(head[2:n_head], "big")
            self._head, self._missing = b"", length + (4 if head[1] & 128 else 0)
        return at
