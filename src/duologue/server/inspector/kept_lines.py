"""The lines of one session in memory, bounded in bytes.

A message with audio is kept as its text without it, and its place in the ring of all audio. Without a viewer that is
all that is done: nothing is parsed. When the ring has gone on, the message is as long as it was, with silence for its
audio, so that a long call keeps its events and their figures. Beyond the bound the first lines are given up.
"""

from __future__ import annotations

from array import array
from typing import Final, TypeAlias

from duologue.recording import Direction, Frame, LegLine, RecordingLine
from duologue.server.inspector.audio_ring import NOWHERE, AudioRing

__all__ = ["KeptLines"]

_COLUMNS_BYTES: Final = 32
"""Of a line, in all columns."""

_TEXT_BYTES: Final = 60
"""Of a text in memory, beside its characters."""

_BYTES_A_CHARACTER: Final = 4
"""At the most: of a text that has other characters than those of ASCII. Short ones are not looked at."""

_OTHER_BYTES: Final = 300
"""Of a line that is no message."""

_DROPPED_SHARE: Final = 8
"""This part of the lines is given up together: that moves all others in memory."""

_MIN_CHARACTERS: Final = 200
"""Of a message that may have audio: 20 ms of G.711 have 216. A shorter one is kept as it is."""

_AUDIO_KEYS: Final = ('"audio":"', '"delta":"', '"audio": "', '"delta": "')
"""What stands before audio, as compact and as spaced writers write it. Deltas are of text too: their type says it."""

_END: Final = '"}'

_NOTHING: Final = "-"
"""With which no message begins that has audio."""

_WINDOW_CHARACTERS: Final = 1024
"""Audio that is looked for elsewhere is at least this long: such windows are as many as a thousandth of the characters
of a message, whatever a client wrote there."""

_NOT_BASE64: Final = (" ", "\\", "-", "_", ".", ":")
"""What words, URLs, escapes and ids have."""

_SILENCE: Final = "/"
"""Base64 of bytes 0xFF, which are -1 in PCM16 and silence in µ-law: what stands for audio that is not kept."""

_Around: TypeAlias = tuple[str, str]
"""What is before the audio of a message, and behind it."""

_NO_AUDIO: Final = ((_NOTHING, _END), 0)


class KeptLines:
    """Keeps lines by number, from 0. As columns: a piece of audio takes 32 bytes beside those in the ring."""

    __slots__ = (
        "_kept",
        "_lengths",
        "_places",
        "_received",
        "_ring",
        "_sent",
        "_sizes",
        "_times",
        "first",
        "max_bytes",
        "size_bytes",
    )

    def __init__(self, ring: AudioRing, *, max_bytes: int) -> None:
        """`max_bytes` is of what is not in the ring."""
        self.max_bytes: int = max_bytes
        self.size_bytes: int = 0
        """About what they take in memory."""
        self.first: int = 0
        """The number of the first line that is kept: how many were given up."""
        self._ring = ring
        self._times = array("d")
        self._kept: list[str | bytes | _Around | RecordingLine] = []
        self._lengths = array("i")
        """Of messages; those that were received have the complement, which is below zero."""
        self._places = array("q")
        """In the ring, of messages with audio."""
        self._sizes = array("I")
        self._sent: tuple[_Around, int] = _NO_AUDIO
        self._received: tuple[_Around, int] = _NO_AUDIO
        """What was around the audio of the latest message, and where that began: most clients send the same over and
        over."""

    @property
    def end(self) -> int:
        """The number of the next line."""
        return self.first + len(self._kept)

    @property
    def last_s(self) -> float:
        """The time of the last line; 0 without any."""
        return self._times[-1] if self._times else 0.0

    def message(self, at_s: float, direction: Direction, message: str | bytes, /) -> None:
        """Keep a message."""
        length = len(message)
        is_sent = direction == "sent"
        kept: str | bytes | _Around = message
        place, size = NOWHERE, _COLUMNS_BYTES
        if length < _MIN_CHARACTERS or not isinstance(message, str) or not message.isascii():
            size += _TEXT_BYTES + length * _BYTES_A_CHARACTER
        else:
            around, begin = self._sent if is_sent else self._received
            if message.startswith(around[0]) and message.find('"', begin) == length - 2 and message[-3] != "=":
                # As the one before it: nothing has to be made.
                kept, place = around, self._ring.keep(message)
            elif (found := _around_audio(message, length)) is not None:
                kept, place = found, self._ring.keep(message)
                size += _OTHER_BYTES + len(found[0])
                # Only what ends with its audio can be known by its beginning.
                last = (found, len(found[0])) if found[1] == _END else _NO_AUDIO
                if is_sent:
                    self._sent = last
                else:
                    self._received = last
            else:
                size += _TEXT_BYTES + length
        self._times.append(at_s)
        self._kept.append(kept)
        self._lengths.append(length if is_sent else ~length)
        self._places.append(place)
        self._sizes.append(size)
        self.size_bytes += size
        if self.size_bytes > self.max_bytes:
            self._drop()

    def add(self, line: RecordingLine) -> None:
        """Keep another line."""
        self._times.append(getattr(line, "at_s", self.last_s))
        self._kept.append(line)
        self._lengths.append(0)
        self._places.append(NOWHERE)
        size_bytes = _OTHER_BYTES
        if isinstance(line, LegLine):
            size_bytes += len(line.audio or b"") + len(line.text)
        self._sizes.append(size_bytes)
        self.size_bytes += size_bytes

    def line(self, number: int) -> RecordingLine | None:
        """A line, with silence in place of audio that is not kept any more; None for one that is not kept."""
        index = number - self.first
        if not 0 <= index < len(self._kept):
            return None
        kept, length = self._kept[index], self._lengths[index]
        direction: Direction = "sent" if length >= 0 else "received"
        length = length if length >= 0 else ~length
        if isinstance(kept, tuple):
            kept = self._ring.get(self._places[index], length) or _with_silence(kept, length)
        if not isinstance(kept, str | bytes):
            return kept
        return Frame(at_s=round(self._times[index], 6), direction=direction, message=kept)

    def has_audio(self, number: int) -> bool:
        """Whether a line is as it was."""
        index = number - self.first
        return 0 <= index < len(self._kept) and (
            not isinstance(self._kept[index], tuple) or self._ring.has(self._places[index])
        )

    def shrink(self) -> None:
        """Give up lines until the bound is kept."""
        while self.size_bytes > self.max_bytes:
            self._drop()

    def _drop(self) -> None:
        """Give up a part of the lines, the first ones."""
        count = 1 + len(self._kept) // _DROPPED_SHARE
        self.size_bytes -= sum(self._sizes[:count])
        self.first += min(count, len(self._kept))
        del self._kept[:count]
        for column in (self._times, self._lengths, self._places, self._sizes):
            del column[:count]


def _with_silence(around: _Around, length: int) -> str:
    """A message of this length, with silence for its audio."""
    before, behind = around
    return before + _SILENCE * (length - len(before) - len(behind)) + behind


def _around_audio(message: str, length: int) -> _Around | None:
    """What is around the audio of a message of ASCII; None if it has no long audio."""
    opening = message.rfind('"', 0, -2) + 1
    before = message[:opening]
    if (
        before.endswith(_AUDIO_KEYS)
        and "audio" in before
        and "transcript" not in before
        and message.find(" ", opening) < 0
        and message.endswith(_END)
    ):
        if message[-3] != "=":
            return before, _END
        return before, message[-4:] if message[-4] == "=" else message[-3:]
    opening, closing = _found_audio(message)
    return (message[:opening], message[closing:]) if closing else None


def _found_audio(message: str) -> tuple[int, int]:
    """Where long audio begins and ends in a message; 0, 0 if there is none."""
    at = 0
    while len(message) - at >= _WINDOW_CHARACTERS:
        if message.find('"', at, at + _WINDOW_CHARACTERS) < 0:
            opening, closing = message.rfind('"', 0, at) + 1, message.find('"', at)
            if closing > 0 and all(message.find(each, opening, closing) < 0 for each in _NOT_BASE64):
                return opening, closing
            at = max(at, closing if closing > 0 else len(message))
        at += _WINDOW_CHARACTERS
    return 0, 0
