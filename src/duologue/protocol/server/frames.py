"""Checks of a client's message before it is decoded: whether decoding is cheap enough while all sessions wait.

A decoder cannot be interrupted, not even in a thread. Its time grows with the number of values and not with the length
of texts, so the values, which are outside of strings, are counted first, as fast as memory is searched. A backslash is
valid inside of strings only; a message that has one elsewhere is not JSON from there on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Final

from duologue.codec import decode
from duologue.errors import DecodeError
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["MAX_DEPTH", "SHORT_CHARS", "FrameReader", "check_depth", "check_frame", "size_bytes", "text_of"]

MAX_DEPTH: Final = 100
"""Events nest ten levels deep, and a JSON schema in them two for each of its own levels, of which forty are many."""

SHORT_CHARS: Final = 16 * 1024
"""Decoding a shorter message takes 2 ms at most, so it needs no check. Most messages are shorter appends."""

_HEAD_CHARS: Final = 1024
"""The audio of an append begins within these."""

_AUDIO: Final = ('"audio":"', '"audio": "')
_NOT_ASCII: Final = re.compile(r"(?<!\\)(\\*)([^\x00-\x7f]+)")
_MAX_NOT_ASCII_BYTES: Final = 16 * 1024
"""Of a long frame with audio, in which only ids are not ASCII. To escape so many takes 5 ms."""

_FEW_STRINGS: Final = 64
"""This many are skipped one by one, which is faster where they are long."""

_ESCAPES_PER_VALUE: Final = 10
"""An escaped character costs a tenth of a value: one lookup to decode it, and two to encode it."""

_BRACKETS: Final = re.compile(r"[\[\]{}]")


def text_of(frame: bytes, *, max_bytes: int | None) -> str:
    """The text of a frame that goes to `check_frame`. With None, the text as it came. Raises UnicodeDecodeError.

    A text with an emoji takes four bytes a character in Python: 15 MB of audio with one would take 60 MB and a tenth of
    a second. So a frame of `max_bytes` and more that is not ASCII is decoded to a text of the same meaning, with JSON
    escapes. If it is too long without its audio, or has more than ids outside of ASCII, the text is as many spaces,
    which `check_frame` rejects for their length.
    """
    if max_bytes is None or len(frame) < max_bytes or frame.isascii():
        return frame.decode()
    begin, end = next(filter(None, (_audio_in(frame, key.encode()) for key in _AUDIO)), (0, 0))
    audio, outside = frame[begin:end], len(frame) - (end - begin)
    if (
        outside > max_bytes
        or not audio.isascii()
        or len(frame) - len(frame.decode("ascii", "ignore")) > _MAX_NOT_ASCII_BYTES
    ):
        return " " * len(frame)
    return _escaped(frame[:begin]) + audio.decode() + _escaped(frame[end:])


def check_frame(message: str, *, max_bytes: int, max_values: int) -> None:
    """Raise InvalidRequest for a message that is too long or has too many values; its audio does not count.

    A message of up to `SHORT_CHARS` needs only `check_depth`.
    """
    rest = _without_audio(message)
    if (size := size_bytes(rest, max_bytes)) > max_bytes:
        raise InvalidRequest("event_too_large", max=max_bytes, got=size)
    outside = _outside_strings(rest, max_values)
    if outside is not None:
        _check_nesting(outside, max_values)
    if outside is None or sum(map(outside.count, ",[{")) > max_values:
        raise InvalidRequest("too_many_values", max=max_values)


def check_depth(message: str) -> None:
    """Raise InvalidRequest for a message that nests too deeply."""
    if message.count("[") + message.count("{") > MAX_DEPTH:
        _check_nesting(_outside_strings(message, len(message)) or "", len(message))


def size_bytes(text: str, threshold: int) -> int:
    """UTF-8 bytes of a text, to compare with `threshold`: the characters, where their number decides that."""
    if text.isascii() or len(text) > threshold or len(text) * 4 <= threshold:
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def _without_audio(message: str) -> str:
    """The message without its first `audio` value, which is a string and ends at the next quote."""
    for key in _AUDIO:
        begin = message.find(key, 0, _HEAD_CHARS)
        if begin >= 0:
            end = message.find('"', begin + len(key))
            return message if end < 0 else message[: begin + len(key)] + message[end:]
    return message


def _audio_in(frame: bytes, key: bytes) -> tuple[int, int] | None:
    """Where the audio after this key begins and ends; None if there is none."""
    begin = frame.find(key, 0, _HEAD_CHARS)
    end = frame.find(b'"', begin + len(key)) if begin >= 0 else -1
    return None if end < 0 else (begin + len(key), end)


def _escaped(json_text: bytes) -> str:
    """Part of a JSON text, with escapes for what is not ASCII, unless a backslash before it makes it invalid."""

    def escape(found: re.Match[str]) -> str:
        units = found[2].encode("utf-16-be").hex(" ", 2).split()
        return found[0] if len(found[1]) % 2 else found[1] + "".join(f"\\u{unit}" for unit in units)

    return _NOT_ASCII.sub(escape, json_text.decode())


def _outside_strings(text: str, max_values: int) -> str | None:
    """The text outside of strings; None if there are more strings than `max_values` keys and values can have."""
    if "\\" in text:
        if (escaped := text.count("\\")) > _ESCAPES_PER_VALUE * max_values:
            raise InvalidRequest("too_many_escapes", max=_ESCAPES_PER_VALUE * max_values, got=escaped)
        text = text.replace("\\\\", "").replace('\\"', "")
    pieces: list[str] = []
    position = 0
    for _ in range(_FEW_STRINGS):
        begin = text.find('"', position)
        if begin < 0:
            return "".join((*pieces, text[position:]))
        pieces.append(text[position:begin])
        end = text.find('"', begin + 1)
        position = end + 1 if end >= 0 else len(text)
    text = text[position:]
    if text.count('"') > 4 * max_values:
        return None
    return "".join((*pieces, *text.split('"')[::2]))


def _check_nesting(outside: str, max_brackets: int) -> None:
    depth = 0
    for bracket in islice(_BRACKETS.finditer(outside), 2 * max_brackets):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidRequest("not_json", reason=f"nested more than {MAX_DEPTH} levels deep")


class FrameReader:
    """Reads the messages of one session, after a look at what decoding them will cost."""

    def __init__(self, *, max_bytes: int, max_values: int) -> None:
        """`max_bytes` are for events other than appends, `max_values` for long ones."""
        self._max_bytes = max_bytes
        self._max_values = max_values

    def event_in(self, message: str | bytes, read: Callable[[str], RealtimeEvent]) -> RealtimeEvent:
        """The event that a message is, as `read` has it. Raises InvalidRequest for binary messages, those that are too
        costly to read, and text that is not a JSON object."""
        if isinstance(message, bytes):
            raise InvalidRequest("binary")
        if len(message) > SHORT_CHARS:
            check_frame(message, max_bytes=self._max_bytes, max_values=self._max_values)
        elif read is not decode:
            check_depth(message)  # dialect adapters recurse into it
        try:
            return read(message)
        except DecodeError as fault:
            raise InvalidRequest("not_json", reason=fault.reason) from fault

    def check(self, event: RealtimeEvent, message: str | bytes) -> None:
        """Raise InvalidRequest for an event that is too large or too deep; appends are exempt."""
        if type(event) is InputAudioBufferAppendEvent or isinstance(message, bytes):
            return
        if (size := size_bytes(message, self._max_bytes)) > self._max_bytes:
            raise InvalidRequest("event_too_large", max=self._max_bytes, got=size)
        if len(message) <= SHORT_CHARS:
            check_depth(message)
