"""The stream of a chat completions endpoint: its chunks, and calls from their pieces."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.engines.base import FunctionCall
from duologue.engines.remote.event_lines import FaultBody

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_ARGUMENTS_CHARS",
    "MAX_CALLS",
    "CallPiece",
    "CalledFunction",
    "Calls",
    "Choice",
    "CompletionChunk",
    "Delta",
    "TextPiece",
]

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


class CompletionChunk(FaultBody):
    """One event of the stream; an error may come as any of them."""

    choices: list[Choice] | None = None


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
