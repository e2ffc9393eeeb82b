"""The lines of one session in memory, bounded in bytes.

While nothing is looked at, a line costs its place in a list: it is neither parsed nor copied. Beyond the bound audio is
given up first, the oldest first; what is left of such a message is its text around the audio, and how long that was. So
a call of an hour keeps its events, and their figures. Only beyond that are whole lines given up.
"""

from __future__ import annotations

import sys
from typing import Final, TypeAlias

from duologue.recording import Direction, Frame, RecordingLine

__all__ = ["KeptLines"]

_LINE_BYTES: Final = 140
"""Of a line beside its text: a tuple, a number, and places in lists."""

_LINES_AT_ONCE: Final = 32
"""Of which the audio is given up when a line comes: more than one, so that the bound is reached."""

_DROPPED_AT_ONCE: Final = 256
"""Lines that are given up together: that moves all others in memory."""

_MIN_AUDIO_CHARACTERS: Final = 200
"""A shorter text may be an id or a word, and little is won."""

_WINDOW_CHARACTERS: Final = 1024
"""Audio that is looked for anywhere in a message is at least this long: such windows are as many as a thousandth of
its characters, whatever a client wrote there."""

_LAST_CHARACTERS: Final = 4
"""Of base64, which stay: its padding."""

_NOT_BASE64: Final = (" ", "\\", "-", "_", ".", ":")
"""What words, URLs, escapes and ids have."""

_SILENCE: Final = "/"
"""Base64 of bytes 0xFF, which are -1 in PCM16 and silence in µ-law: what stands for audio that was given up."""

_Cut: TypeAlias = tuple[str, int, str]
"""A message without its audio: what is before it, its length in characters, and what is behind it."""

_Entry: TypeAlias = tuple[float, Direction, str | bytes | _Cut]


class KeptLines:
    """Keeps lines by number, from 0. Messages are told apart from the other lines, of which there are few."""

    __slots__ = ("_entries", "_others_bytes", "_whole", "first", "max_bytes", "size_bytes")

    def __init__(self, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size_bytes = 0
        """About what they take in memory."""
        self.first = 0
        """The number of the first line that is kept: how many were given up."""
        self._entries: list[_Entry | RecordingLine] = []
        self._whole = 0
        """The number of the first line whose audio was not given up, if it has any."""

    @property
    def end(self) -> int:
        """The number of the next line."""
        return self.first + len(self._entries)

    def message(self, at_s: float, direction: Direction, message: str | bytes) -> None:
        """Keep a message."""
        self._entries.append((at_s, direction, message))
        self.size_bytes += sys.getsizeof(message) + _LINE_BYTES
        if self.size_bytes > self.max_bytes:
            self.shrink()

    def add(self, line: RecordingLine) -> None:
        """Keep another line."""
        self._entries.append(line)
        self.size_bytes += 2 * _LINE_BYTES

    def line(self, number: int) -> RecordingLine | None:
        """A line; with silence in place of audio that was given up. None for one that is not kept."""
        if not self.first <= number < self.end:
            return None
        entry = self._entries[number - self.first]
        if not isinstance(entry, tuple):
            return entry
        at_s, direction, kept = entry
        if isinstance(kept, tuple):
            before, length, behind = kept
            kept = before + _SILENCE * length + behind
        return Frame(at_s=round(at_s, 6), direction=direction, message=kept)

    def has_audio(self, number: int) -> bool:
        """Whether a line is as it was."""
        return self.first <= number < self.end and (
            number >= self._whole
            or not isinstance(entry := self._entries[number - self.first], tuple)
            or not isinstance(entry[2], tuple)
        )

    def shrink(self, *, lines: int = _LINES_AT_ONCE) -> bool:
        """Give up audio of so many lines, or lines; returns whether the bound is kept then."""
        self._whole = max(self._whole, self.first)
        for number in range(self._whole, min(self._whole + lines, self.end)):
            if self.size_bytes <= self.max_bytes:
                return True
            self._cut(number - self.first)
            self._whole = number + 1
        if self.size_bytes > self.max_bytes and self._whole == self.end:
            self._drop()
        return self.size_bytes <= self.max_bytes

    def _cut(self, index: int) -> None:
        entry = self._entries[index]
        if not isinstance(entry, tuple):
            return
        at_s, direction, message = entry
        if not isinstance(message, str) or (cut := _without_audio(message)) is None:
            return
        self._entries[index] = (at_s, direction, cut)
        self.size_bytes -= sys.getsizeof(message) - sys.getsizeof(cut[0]) - sys.getsizeof(cut[2]) - _LINE_BYTES

    def _drop(self) -> None:
        dropped = self._entries[:_DROPPED_AT_ONCE]
        del self._entries[:_DROPPED_AT_ONCE]
        self.first += len(dropped)
        self.size_bytes = self.size_bytes - sum(map(_size_of, dropped)) if self._entries else 0


def _size_of(entry: _Entry | RecordingLine) -> int:
    if not isinstance(entry, tuple):
        return 2 * _LINE_BYTES
    kept = entry[2]
    if isinstance(kept, tuple):
        return sys.getsizeof(kept[0]) + sys.getsizeof(kept[2]) + 2 * _LINE_BYTES
    return sys.getsizeof(kept) + _LINE_BYTES


def _without_audio(message: str) -> _Cut | None:
    """The message in three; None if it has no long audio."""
    # Most clients and servers write the audio last.
    closing = message.rfind('"')
    opening = message.rfind('"', 0, max(0, closing)) + 1
    if not _is_audio(message, opening, closing):
        opening, closing = _found_audio(message)
        if not _is_audio(message, opening, closing):
            return None
    closing -= _LAST_CHARACTERS
    # A copy: the whole message would stay in memory with a part of it no longer than this, if that were a view.
    return message[:opening], closing - opening, message[closing:]


def _found_audio(message: str) -> tuple[int, int]:
    at = 0
    while len(message) - at >= _WINDOW_CHARACTERS:
        if message.find('"', at, at + _WINDOW_CHARACTERS) < 0:
            closing = message.find('"', at)
            return message.rfind('"', 0, at) + 1, closing if closing >= 0 else len(message)
        at += _WINDOW_CHARACTERS
    return 0, 0


def _is_audio(message: str, opening: int, closing: int) -> bool:
    return closing - opening >= _MIN_AUDIO_CHARACTERS and all(
        message.find(each, opening, closing) < 0 for each in _NOT_BASE64
    )
