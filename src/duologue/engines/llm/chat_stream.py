"""The stream of a chat completions endpoint: from bytes to chunks, and from pieces of calls to calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import msgspec

from duologue.engines.base import FunctionCall

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_ARGUMENTS_CHARS",
    "MAX_CALLS",
    "MAX_LINE_BYTES",
    "CallPiece",
    "CalledFunction",
    "Calls",
    "Choice",
    "CompletionChunk",
    "Delta",
    "Fault",
    "TextPiece",
    "chunk_lines",
    "fault_in",
]

MAX_LINE_BYTES: Final = 1024 * 1024
"""A chunk is a few words; the arguments of a call may come in one. More without a line's end is no stream of chunks."""

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Of one answer with all that is around it. The longest that models give, 128,000 tokens in a chunk each, comes to less
where a chunk says no more than it must."""

MAX_ARGUMENTS_CHARS: Final = 1024 * 1024
"""Of all calls of an answer: more than any function takes, and a quarter of what an item may hold."""

MAX_CALLS: Final = 128
"""In one answer; models make a handful, and the hosted service offers them no more functions than this."""


class CalledFunction(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """Some servers send an object where the protocol has its text."""


class CallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: CalledFunction = msgspec.field(default_factory=CalledFunction)


class TextPiece(msgspec.Struct):
    text: str | None = None


class Delta(msgspec.Struct):
    content: str | list[TextPiece] | None = None
    refusal: str | None = None
    tool_calls: list[CallPiece] | None = None

    @property
    def text(self) -> str:
        """The words to say: the content, or the refusal of a model that declines. Reasoning is left out."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or self.refusal or ""


class Choice(msgspec.Struct):
    delta: Delta | None = None
    finish_reason: str | None = None


class Fault(msgspec.Struct):
    message: str | None = None


class CompletionChunk(msgspec.Struct):
    """One event of the stream; an error may come as any of them."""

    choices: list[Choice] | None = None
    error: Fault | str | None = None
    object: str | None = None
    message: str | None = None

    @property
    def fault(self) -> str | None:
        """Why the stream broke off, if this says so."""
        if self.error is not None:
            return self.error if isinstance(self.error, str) else self.error.message or "no reason given"
        return (self.message or "no reason given") if self.object == "error" else None


class Calls:
    """Puts calls together from their pieces, in the order in which they began.

    Pieces belong together by their index. Servers that give every call the same one, or none, begin another call with
    another id.
    """

    def __init__(self) -> None:
        self._begun: list[_Begun] = []
        self._arguments_chars = 0

    def add(self, piece: CallPiece) -> None:
        """The next piece. Raises ValueError: it begins one call too many, or the arguments are too long."""
        call = self._of(piece)
        if call is None:
            if len(self._begun) == MAX_CALLS:
                raise ValueError(f"more than {MAX_CALLS} calls")
            call = _Begun(piece.index)
            self._begun.append(call)
        call.id = call.id or piece.id
        # Some repeat the name in every piece; none sends it by halves.
        call.name = call.name or piece.function.name
        arguments = piece.function.arguments
        if isinstance(arguments, dict):
            arguments = msgspec.json.encode(arguments).decode()
        self._arguments_chars += len(arguments or "")
        if self._arguments_chars > MAX_ARGUMENTS_CHARS:
            raise ValueError(f"arguments of more than {MAX_ARGUMENTS_CHARS} characters")
        call.arguments.append(arguments or "")

    def _of(self, piece: CallPiece) -> _Begun | None:
        for call in reversed(self._begun):
            same_index = piece.index is None or call.index is None or piece.index == call.index
            if same_index and (not piece.id or not call.id or piece.id == call.id):
                return call
        return None

    def whole(self) -> list[FunctionCall]:
        """The calls, with arguments as they came: the client learns more from malformed ones than from an error.

        Ids are left to the server: some endpoints begin to count anew in every answer.
        """
        return [FunctionCall(name=call.name or "", arguments="".join(call.arguments) or "{}") for call in self._begun]


class _Begun(msgspec.Struct):
    """A call, as far as its pieces have come."""

    index: int | None
    id: str | None = None
    name: str | None = None
    arguments: list[str] = msgspec.field(default_factory=list[str])


async def chunk_lines(data: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The JSON text of each event, and "[DONE]" where it comes; comments that keep the line open are stepped over.

    Lines end at line feeds alone: text may hold other characters that some take for the end of a line.

    Raises:
        ValueError: a line has no end, the answer has none, or it is not UTF-8.
    """
    rest = bytearray()
    total_bytes = 0
    async for piece in data:
        total_bytes += len(piece)
        if total_bytes > MAX_ANSWER_BYTES:
            raise ValueError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        begun_bytes = len(rest)
        rest += piece
        # Only what is new is looked through: a line may come byte by byte.
        while (end := rest.find(b"\n", begun_bytes)) >= 0:
            begun_bytes = 0
            line = bytes(rest[:end])
            del rest[: end + 1]
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8")
        if len(rest) > MAX_LINE_BYTES:
            raise ValueError(f"a line of more than {MAX_LINE_BYTES} bytes")
    if rest.startswith(b"data:"):
        yield rest[5:].strip().decode("utf-8")


def fault_in(body: bytes) -> str:
    """What an endpoint says about its failure: the sentence where there is one, else all of it."""
    try:
        fault = msgspec.json.decode(body, type=CompletionChunk).fault
    except (ValueError, RecursionError):  # a fault of msgspec's is a ValueError
        fault = None
    return fault or body.decode("utf-8", "replace") or "no reason given"
