"""Reads frames from text: JSON lines and other JSON texts one after another, arrays, and logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError
from duologue.recording.formats.directions import direction_of_prefix
from duologue.recording.formats.envelopes import contents
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.objects import Piece, is_punctuation, pieces
from duologue.recording.formats.timestamps import seconds_of_prefix

__all__ = ["is_array", "is_json_texts", "is_log", "read_array", "read_json_texts", "read_log"]

_ARRAY: Final = re.compile(rb'\[\s*(?:\[\s*)?[{"]')

_LEVEL: Final = re.compile(r"\b(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR)\b")
_TIME: Final = re.compile(r"\b\d\d:\d\d:\d\d\b")

_PREFIX_BYTES: Final = 500
"""Of the text before a frame, the last: what says the direction stands near it, or at its beginning in a short one."""

_LEFT_OUT: Final = (
    "the log leaves out its middle; the websockets library writes messages whole with WEBSOCKETS_MAX_LOG_SIZE=100000000"
)


def is_array(head: bytes) -> bool:
    """Whether a file with this beginning is a JSON array of objects, or of arrays that hold them."""
    return _ARRAY.match(head.lstrip()) is not None


def is_log(head: bytes) -> bool:
    """Whether objects have other text before them, in their line or in lines of a log."""
    found = list(pieces(BytesIO(head)))
    return any(piece.text for piece in found) and any(
        not is_punctuation(piece.prefix) if piece.text else _is_of_log(piece.prefix) for piece in found
    )


def _is_of_log(line: bytes) -> bool:
    """Whether a line without an object says the direction of the next one, a level, or the time of day."""
    text = line[:_PREFIX_BYTES].decode("utf-8", "replace")
    return bool(direction_of_prefix(text) or _LEVEL.search(text) or _TIME.search(text))


def is_json_texts(head: bytes) -> bool:
    """Whether there is an object at all."""
    return any(piece.text for piece in pieces(BytesIO(head)))


def read_json_texts(stream: BinaryIO, passed_over: list[int]) -> Iterator[FoundFrame]:
    """Objects one after another, on a line each or over lines. What is no object is a problem.

    The number of objects that are about other things is added to `passed_over`, here and below.
    """
    for piece in pieces(stream):
        if piece.text:
            yield from _frames(piece, piece.line, passed_over)
        else:
            yield FoundFrame(piece.line, b"", _problem(piece.prefix))


def read_array(stream: BinaryIO, passed_over: list[int]) -> Iterator[FoundFrame]:
    """The objects of an array, numbered in their order."""
    number = 0
    for piece in pieces(stream):
        if piece.text:
            number += 1
            yield from _frames(piece, number, passed_over)
        elif not is_punctuation(piece.prefix):
            yield FoundFrame(number, b"", f"behind it: {_problem(piece.prefix)}")


def read_log(stream: BinaryIO, passed_over: list[int]) -> Iterator[FoundFrame]:
    """The objects of a log. Lines that have none are passed over."""
    last, before = 0, b""
    for piece in pieces(stream):
        if piece.text:
            yield from _frames(piece, piece.line, passed_over, before)
            before = b""
        elif piece.line != last:
            passed_over[0] += 1
            before = piece.prefix
        last = piece.line


def _frames(piece: Piece, number: int, passed_over: list[int], before: bytes = b"") -> Iterator[FoundFrame]:
    """The frames of an object. `before` is the line above: where nothing stands beside the object, it tells."""
    found = FoundFrame(number, piece.text)
    if not is_punctuation(beside := before if is_punctuation(piece.prefix) else piece.prefix):
        prefix = beside[-_PREFIX_BYTES:].decode("utf-8", "replace")
        found = found._replace(direction=direction_of_prefix(prefix), at_s=seconds_of_prefix(prefix))
    is_empty = True
    for frame in contents(found):
        is_empty = False
        is_shortened = frame.problem and b"..." in piece.text and piece.prefix.endswith(b"'")
        yield frame._replace(problem=_LEFT_OUT) if is_shortened else frame
    passed_over[0] += is_empty


def _problem(line: bytes) -> str:
    try:
        parse_object(line.strip())
    except DecodeError as fault:
        return str(fault)
    return "not a JSON object"
