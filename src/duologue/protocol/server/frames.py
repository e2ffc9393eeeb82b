"""A client's message before it is decoded: whether that is cheap enough to be done while every session waits.

A decoder cannot be interrupted, in a thread neither. Its time goes by the number of values and not by the length of
texts, so values are counted first, at the speed of a search in memory: all that stands outside of strings. A backslash
stands inside of strings only, and a message that has one elsewhere is no JSON from there on.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from duologue.protocol.server.errors import InvalidRequest

__all__ = ["MAX_DEPTH", "SHORT_CHARS", "check_depth", "check_frame", "size_bytes"]

MAX_DEPTH: Final = 100
"""Events nest ten levels deep, and a schema among them two levels for each of its own: forty is a very deep one."""

SHORT_CHARS: Final = 16 * 1024
"""Below this there is no time to be lost: decoding takes 2 ms at most. Most messages are appends of less."""

_HEAD_CHARS: Final = 1024
"""Where an append's audio begins."""

_AUDIO: Final = ('"audio":"', '"audio": "')
_FEW_STRINGS: Final = 64
"""So many are skipped one by one, which is faster where they are long."""

_ESCAPES_PER_VALUE: Final = 10
"""An escaped character costs a tenth of a value: it is looked up when it is read, and twice when it is written."""

_BRACKETS: Final = re.compile(r"[\[\]{}]")


def check_frame(message: str, *, max_bytes: int, max_values: int) -> None:
    """Raise InvalidRequest for a message that is too long or holds too much; what stands as its audio is not counted.

    A message of no more than `SHORT_CHARS` need not be looked at, but for its depth (`check_depth`).
    """
    rest = _without_audio(message)
    if (size := size_bytes(rest, max_bytes)) > max_bytes:
        raise InvalidRequest("event_too_large", most=max_bytes, got=size)
    outside = _outside_strings(rest, max_values)
    if outside is not None:
        _check_nesting(outside, max_values)
    if outside is None or sum(map(outside.count, ",[{")) > max_values:
        raise InvalidRequest("too_many_values", most=max_values)


def check_depth(message: str) -> None:
    """Raise InvalidRequest for a message that nests too deeply."""
    if message.count("[") + message.count("{") > MAX_DEPTH:
        _check_nesting(_outside_strings(message, len(message)) or "", len(message))


def size_bytes(text: str, interesting: int) -> int:
    """How many bytes a text is on the wire; of one that cannot reach so many, no more than that."""
    if text.isascii() or len(text) > interesting or len(text) * 4 <= interesting:
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def _without_audio(message: str) -> str:
    """The message without what stands in its first field `audio`: up to the next quote, it is inside of a string."""
    for key in _AUDIO:
        begin = message.find(key, 0, _HEAD_CHARS)
        if begin >= 0:
            end = message.find('"', begin + len(key))
            return message if end < 0 else message[: begin + len(key)] + message[end:]
    return message


def _outside_strings(text: str, max_values: int) -> str | None:
    """All that is no string; None if there are more strings than such a number of keys and values."""
    if "\\" in text:
        if (escaped := text.count("\\")) > _ESCAPES_PER_VALUE * max_values:
            raise InvalidRequest("too_many_escapes", most=_ESCAPES_PER_VALUE * max_values, got=escaped)
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
