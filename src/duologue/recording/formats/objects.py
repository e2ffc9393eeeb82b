"""Finds the JSON objects of a text, whatever stands around them: on a line or over lines, in arrays, in logs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from duologue.codec.jsontext import write_text

__all__ = ["MAX_OBJECT_BYTES", "ObjectTooLong", "Piece", "is_punctuation", "pieces"]

MAX_OBJECT_BYTES = 1 << 26
"""Of one object. The largest message of the protocol has 16 MiB; quoted within quotes it has twice that."""

_START: Final = re.compile(rb"""\{\s*(?:["'}]|\\"|$)""")
"""An object begins; in quotes its own quotes have backslashes."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[{}\[\]]')
"""A string, closed or not, or a bracket."""

_PYTHON_STRING: Final = re.compile(rb"'(?:[^'\\]++|\\.)*+'")
_CSV_FIELD: Final = re.compile(rb'"(?:[^"]++|"")*+"')
"""Its own quotes are doubled: RFC 4180."""
_JSON_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"')

_READ_BYTES: Final = 1 << 23
"""Of a longer line, as much at once: an array may stand in one line."""

_MAX_PYTHON_BYTES: Final = 1 << 24
"""Of a Python literal: parsing takes some ten times its size."""

_PUNCTUATION: Final = b" \t\r\n[],\x1e"
"""What stands between the elements of an array, or of a sequence of texts (RFC 7464)."""


class Piece(NamedTuple):
    """An object, or a line without one."""

    line: int
    """Where it begins, from 1."""
    prefix: bytes
    """What stands before it in its line; all that is left of the line if no object follows."""
    text: bytes
    """The object; empty if there is none. Of one that is not closed: as much as there is."""


def is_punctuation(text: bytes) -> bool:
    """Whether there is nothing but what stands between the elements of an array."""
    return not text.strip(_PUNCTUATION)


class ObjectTooLong(ValueError):
    """There are more bytes than a message can have, and no object ends."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}: no message has more than {MAX_OBJECT_BYTES >> 20} MiB, and this does not end")


def pieces(stream: BinaryIO) -> Iterator[Piece]:
    """The objects of a text in order, and the lines that have none; blank lines are omitted.

    Raises:
        ObjectTooLong: what follows an object goes on for more than 64 MiB without another one, or without its end.
    """
    number, line = 1, b""
    unclosed: _Unclosed | None = None
    without_object = 0
    while part := stream.readline(_READ_BYTES):
        line += part
        at = 0
        if unclosed is not None:
            if not _starts_anew(line) and (at := unclosed.add(line)) == 0:
                if unclosed.size > MAX_OBJECT_BYTES:
                    raise ObjectTooLong(unclosed.line)
                number, line = number + line.endswith(b"\n"), b""
                continue
            yield unclosed.piece()
            unclosed = None
        found = at > 0
        while (start := _START.search(line, at)) is not None:
            piece, end = _piece(number, line, at, start)
            if piece is None:
                unclosed = _Unclosed(number, line[at : start.start()], line[start.start() :])
                break
            yield piece
            found, at = True, end
        if unclosed is None and (rest := line[at:]).strip(_PUNCTUATION if found else None):
            yield Piece(number, rest, b"")
        is_whole = line.endswith(b"\n")
        without_object = 0 if is_whole or found else without_object + len(part)
        if without_object > MAX_OBJECT_BYTES:
            raise ObjectTooLong(number)
        if unclosed is not None and not is_whole:
            line, unclosed = line[at:], None  # the line goes on: what is open is looked at again with more of it
            continue
        number, line = number + is_whole, b""
    if unclosed is not None:
        yield unclosed.piece()
    elif line:
        start = _START.search(line)
        assert start is not None
        yield Piece(number, line[: start.start()], line[start.start() :].rstrip())


class _Unclosed:
    """An object that goes on in the next line."""

    def __init__(self, line: int, prefix: bytes, rest: bytes) -> None:
        self.line = line
        self._prefix = prefix
        self._parts = [rest]
        _, self._depth = _end(rest, 0, 0)
        self.size = len(rest)

    def add(self, line: bytes) -> int:
        """Take a line; returns where the object ends in it, or 0 if it goes on."""
        end, self._depth = _end(line, 0, self._depth)
        self._parts.append(line[:end] if end else line)
        self.size += len(self._parts[-1])
        return end

    def piece(self) -> Piece:
        """What there is of it."""
        return Piece(self.line, self._prefix, b"".join(self._parts).rstrip())


def _end(line: bytes, begin: int, depth: int) -> tuple[int, int]:
    """Where the object that is open ends, or 0 if it goes on; and how deep it is nested then."""
    for token in _TOKEN.finditer(line, begin):
        mark = token[0]
        if mark in {b"{", b"["}:
            depth += 1
        elif mark in {b"}", b"]"}:
            depth -= 1
            if depth <= 0:
                return token.end(), 0
    return 0, depth


def _piece(number: int, line: bytes, at: int, start: re.Match[bytes]) -> tuple[Piece | None, int]:
    """The object that begins here, and where it ends; None if it goes on in the next line."""
    begin, prefix = start.start(), line[at : start.start()]
    quote = line[begin - 1 : begin] if begin > at else b""
    if quote == b"'" and (quoted := _PYTHON_STRING.match(line, begin - 1)):
        return Piece(number, prefix, _from_python(quoted[0])), quoted.end()
    if quote == b'"' and line.startswith(b'{""', begin) and (quoted := _CSV_FIELD.match(line, begin - 1)):
        return Piece(number, prefix, quoted[0][1:-1].replace(b'""', b'"')), quoted.end()
    if quote == b'"' and (quoted := _JSON_STRING.match(line, begin - 1)):
        return Piece(number, prefix, _from_json(quoted[0])), quoted.end()
    if start[0].endswith(b"'"):
        end = line.rfind(b"}") + 1
        end = end if end > begin else len(line)
        return Piece(number, prefix, _from_python(line[begin:end].rstrip())), end
    end, _ = _end(line, begin, 0)
    return (Piece(number, prefix, line[begin:end]), end) if end else (None, 0)


def _from_python(literal: bytes) -> bytes:
    """The JSON text that a Python literal means, the `repr` of a text or of a dictionary; itself if it is none."""
    if len(literal) > _MAX_PYTHON_BYTES:
        return literal
    try:
        value = ast.literal_eval(literal.decode("utf-8"))
        return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else write_text(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return literal


def _from_json(literal: bytes) -> bytes:
    """The text that a JSON string means; itself if it is none."""
    try:
        return msgspec.json.decode(literal, type=str).encode()
    except (msgspec.DecodeError, UnicodeError):
        return literal


def _starts_anew(line: bytes) -> bool:
    """Whether a line cannot continue an object that is open: the object before it is damaged then."""
    start = _START.search(line)
    if start is None or start[0].endswith(b"}"):
        return False
    prefix = line[: start.start()]
    if prefix.strip(_PUNCTUATION) == b"":
        if prefix or start[0][1:2].isspace():
            return False
    elif prefix.lstrip(_PUNCTUATION).startswith(b'"'):  # a member, or a string
        return False
    return _piece(0, line, 0, start)[0] is not None
