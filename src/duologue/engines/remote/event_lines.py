"""Streams of server-sent events, from bytes to lines, and what an endpoint says about its failure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import msgspec

__all__ = ["MAX_LINE_BYTES", "FaultBody", "chunk_lines", "fault_in"]

MAX_LINE_BYTES: Final = 1024 * 1024
"""A chunk is a few words; the arguments of a call may come in one. More without a line's end is no stream of chunks."""

_NO_REASON: Final = "no reason given"


class FaultBody(msgspec.Struct):
    """The fields of a JSON object in which endpoints say that something failed. Any event of a stream may be one."""

    error: Any = None
    object: str | None = None
    message: Any = None
    detail: Any = None
    """Where FastAPI's applications say it."""

    @property
    def fault(self) -> str | None:
        """Why it failed, if this says so."""
        if self.error is not None:
            return _sentence_in(self.error) or _sentence_in(self.message) or _NO_REASON
        if self.object == "error":
            return _sentence_in(self.message) or _NO_REASON
        return _sentence_in(self.detail)


def _sentence_in(value: Any) -> str | None:
    """The words of an error: a text, an object with a message, or a list of such objects.

    FastAPI's lists repeat the request beside their messages, which is left out.
    """
    match value:
        case str():
            return value or None
        case {"message": str(message)} | {"msg": str(message)} | {"error": str(message)}:
            return message or None
        case [first, *_]:
            return _sentence_in(first)
        case _:
            return None


async def chunk_lines(
    data: AsyncIterator[bytes], *, max_bytes: int, max_line_bytes: int | None = None
) -> AsyncGenerator[str, None]:
    """The text of each event, and "[DONE]" where it comes; comments that keep the line open are stepped over.

    Lines end at line feeds alone: text may hold other characters that some take for the end of a line.

    Raises:
        ValueError: a line has no end, the answer has none, or it is not UTF-8.
    """
    rest = bytearray()
    total_bytes, longest_bytes = 0, max_line_bytes or MAX_LINE_BYTES
    async for piece in data:
        total_bytes += len(piece)
        if total_bytes > max_bytes:
            raise ValueError(f"an answer of more than {max_bytes} bytes")
        begun_bytes = len(rest)
        rest += piece
        # Only what is new is looked through: a line may come byte by byte.
        while (end := rest.find(b"\n", begun_bytes)) >= 0:
            begun_bytes = 0
            line = bytes(rest[:end])
            del rest[: end + 1]
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8")
        if len(rest) > longest_bytes:
            raise ValueError(f"a line of more than {longest_bytes} bytes")
    if rest.startswith(b"data:"):
        yield rest[5:].strip().decode("utf-8")


def fault_in(body: bytes) -> str:
    """What an endpoint says about its failure: the sentence where there is one, else all of it."""
    try:
        fault = msgspec.json.decode(body, type=FaultBody).fault
    except (ValueError, RecursionError):  # a fault of msgspec's is a ValueError
        fault = None
    return fault or body.decode("utf-8", "replace") or _NO_REASON
