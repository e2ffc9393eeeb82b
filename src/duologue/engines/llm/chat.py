"""A responder that asks any endpoint of the chat completions kind, hosted or on your own machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import msgspec

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.llm.chat_request import request_of
from duologue.engines.llm.chat_stream import MAX_ANSWER_BYTES, CallPiece, Calls, CompletionChunk, Delta
from duologue.engines.remote.endpoint import SILENCE_S, HttpService
from duologue.engines.remote.event_lines import chunk_lines
from duologue.errors import EngineError
from duologue.printable import printable_message

if TYPE_CHECKING:
    import httpx

__all__ = ["ChatResponder"]

_MAX_FAULT_CHARACTERS: Final = 300  # of what an endpoint says about its failure: one sentence


class ChatResponder:
    """Streams answers from `POST {url}/chat/completions`. One connection pool for all sessions, closed by `aclose`."""

    name: str

    def __init__(
        self,
        *,
        url: str,
        model: str,
        api_key: str | None = None,
        parameters: Mapping[str, object] | None = None,
        timeout_s: float = SILENCE_S,
    ) -> None:
        """`url` ends before `/chat/completions`; `parameters` go into each request as they are (`temperature` …).

        `timeout_s` is how long the endpoint may be silent.

        Raises:
            EngineError: `url` is no address.
        """
        self.name = f"chat-{model}"
        self.models: tuple[str, ...] = (model,)
        self._model = model
        self._parameters = dict(parameters or {})
        self._endpoint = HttpService(
            url, engine=self.name, service="the language model", api_key=api_key, silence_s=timeout_s
        )

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """Pieces of the answer as the endpoint sends them, and then the calls, as they came.

        Closed or cancelled: the request is abandoned at once.

        Raises:
            EngineError: the endpoint cannot be reached, refuses, breaks off, or sends what is no answer.
        """
        body = {**self._parameters, **request_of(request), "model": self._model, "stream": True}
        calls = Calls()
        async with (
            self._endpoint.post("chat/completions", json=body) as response,
            aclosing(self._choices(response)) as choices,
        ):
            async for delta in choices:
                if delta.text:
                    yield delta.text
                for piece in delta.tool_calls or ():
                    self._add(calls, piece)
        for call in calls.whole() if request.function_choice != "none" else ():  # some call all the same
            yield call

    async def probe(self) -> None:
        """Raises EngineError if the endpoint cannot be reached, fails, or refuses the key. Costs nothing there."""
        await self._endpoint.probe()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    async def _choices(self, response: httpx.Response) -> AsyncGenerator[Delta, None]:
        """What is added to the answer, to its end."""
        ended = False
        async with aclosing(self._chunks(response)) as chunks:
            async for chunk in chunks:
                if chunk is None:
                    return
                for choice in (chunk.choices or ())[:1]:
                    ended = ended or choice.finish_reason is not None
                    if choice.delta is not None:
                        yield choice.delta
        if not ended:
            raise self._error("broke off in the middle of its answer")

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[CompletionChunk | None, None]:
        """The events of the stream; None where it says that this was all."""
        try:
            data = self._endpoint.body(response)
            async with aclosing(data), aclosing(chunk_lines(data, max_bytes=MAX_ANSWER_BYTES)) as lines:
                async for line in lines:
                    if line == "[DONE]":
                        yield None
                    elif line:
                        chunk = msgspec.json.decode(line, type=CompletionChunk)
                        if (fault := chunk.fault) is not None:
                            told = f"the language model broke off: {printable_message(fault)}"
                            raise self._endpoint.error(
                                "broke off", quote=fault[:_MAX_FAULT_CHARACTERS], for_client=told
                            )
                        yield chunk
        except (ValueError, RecursionError) as fault:  # a fault of msgspec's is a ValueError
            raise self._error(f"sent what is no chunk of an answer: {fault}") from fault

    def _add(self, calls: Calls, piece: CallPiece) -> None:
        try:
            calls.add(piece)
        except (ValueError, RecursionError) as fault:
            raise self._error(f"sent what is no chunk of an answer: {fault}") from fault

    def _error(self, what: str) -> EngineError:
        return self._endpoint.error(what)
