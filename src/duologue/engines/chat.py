"""A responder that asks any endpoint of the chat completions kind, hosted or on your own machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

import msgspec

from duologue.audio.extras import needs
from duologue.engines.base import Exchange
from duologue.errors import EngineError

with needs("server"):
    import httpx

__all__ = ["ChatResponder"]

_CONNECT_S = 5.0  # who does not accept a connection in this time will not answer in a conversation's time
_SILENCE_S = 60.0  # a local server may load its model first

_MAX_FAULT_CHARACTERS = 300  # of what an endpoint says about its failure: one sentence, not a page of HTML

_SPOKEN_STYLE = "You are a voice assistant. Your words are spoken aloud: answer in short, plain sentences."
"""In place of instructions where a session has none; otherwise models answer in lists and tables."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _Fault(msgspec.Struct):
    message: str = ""


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = msgspec.field(default_factory=list[_Choice])
    error: _Fault | str | None = None


class ChatResponder:
    """Streams answers from `POST {url}/chat/completions`. One connection pool for all sessions, closed by `aclose`."""

    name: str

    def __init__(
        self, *, url: str, model: str, api_key: str | None = None, parameters: Mapping[str, object] | None = None
    ) -> None:
        """`url` ends before `/chat/completions`; `parameters` go into each request as they are (`temperature` …).

        Raises:
            EngineError: `url` is no address.
        """
        self.name = f"chat-{model}"
        self._model = model
        self._parameters = dict(parameters or {})
        try:
            self._url = httpx.URL(f"{url.rstrip('/')}/chat/completions")
        except httpx.InvalidURL as fault:
            raise EngineError(f"{url!r} is no address: {fault}", engine=self.name) from fault
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise EngineError(f"{url!r} is no address: it looks like http://host:port/v1", engine=self.name)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S))

    async def respond(self, exchange: Exchange, /) -> AsyncGenerator[str, None]:
        """Pieces of the answer as the endpoint sends them. Closed or cancelled: the request is abandoned at once.

        Raises:
            EngineError: the endpoint cannot be reached, refuses, breaks off, or sends what is no answer.
        """
        try:
            async with self._client.stream("POST", self._url, json=self._request(exchange)) as response:
                if response.is_error:
                    raise self._error(f"answered {response.status_code}: {_fault_in(await response.aread())}")
                async for line in response.aiter_lines():
                    if piece := self._piece(line):
                        yield piece
        except httpx.TimeoutException as fault:
            raise self._error("did not answer in time") from fault
        except httpx.HTTPError as fault:
            raise self._error(f"cannot be talked to: {str(fault) or type(fault).__name__}") from fault

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _request(self, exchange: Exchange) -> dict[str, object]:
        messages = [{"role": "system", "content": exchange.instructions.strip() or _SPOKEN_STYLE}]
        messages += [{"role": message.role, "content": message.text} for message in exchange.messages]
        limit = {} if exchange.max_output_tokens is None else {"max_tokens": exchange.max_output_tokens}
        return {**self._parameters, **limit, "model": self._model, "messages": messages, "stream": True}

    def _piece(self, line: str) -> str:
        data = line.removeprefix("data:").strip()
        if data == line.strip() or data == "[DONE]":  # an empty line, a comment that keeps the line open, the end
            return ""
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except msgspec.DecodeError as fault:
            raise self._error(f"sent what is no chunk of an answer: {fault}") from fault
        if chunk.error is not None:
            raise self._error(f"broke off: {chunk.error if isinstance(chunk.error, str) else chunk.error.message}")
        return "".join(choice.delta.content or "" for choice in chunk.choices[:1])

    def _error(self, what: str) -> EngineError:
        return EngineError(f"{self._url.host} {what}", engine=self.name)


def _fault_in(body: bytes) -> str:
    try:
        fault = msgspec.json.decode(body, type=_Chunk).error
    except msgspec.DecodeError:
        fault = None
    text = fault.message if isinstance(fault, _Fault) else fault
    return (text or body.decode("utf-8", "replace") or "no reason given")[:_MAX_FAULT_CHARACTERS]
