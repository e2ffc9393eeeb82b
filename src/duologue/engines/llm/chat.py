"""A responder that asks any endpoint of the chat completions kind, hosted or on your own machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

import msgspec

from duologue.audio.extras import needs
from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.llm.chat_request import request_of
from duologue.engines.llm.chat_stream import CallPiece, Calls, CompletionChunk, Delta, chunk_lines, fault_in
from duologue.errors import EngineError
from duologue.transports.addresses import without_secrets

with needs("server"):
    import httpx

__all__ = ["ChatResponder"]

_CONNECT_S = 5.0  # a slower endpoint is too slow for a conversation
_SILENCE_S = 60.0  # a local server may load its model first

_UNREAD_BYTES = 128 * 1024  # that the system keeps; uvloop reads all of it at once, and Linux would take 6 MB
_SOCKET_OPTIONS = ((socket.SOL_SOCKET, socket.SO_RCVBUF, _UNREAD_BYTES),)
_MAX_FAULT_BYTES = 4096  # of an error response; its message stands at the beginning
_MAX_FAULT_CHARACTERS = 300  # of what an endpoint says about its failure: one sentence, not a page of HTML


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
        shown = without_secrets(url)
        self._model = model
        self._parameters = dict(parameters or {})
        try:
            self._url = httpx.URL(f"{url.rstrip('/')}/chat/completions")
        except httpx.InvalidURL:
            # Without its cause, which may quote what stands before the host.
            raise EngineError(f"{shown!r} is no address", engine=self.name) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise EngineError(f"{shown!r} is no address: it looks like http://host:port/v1", engine=self.name)
        # Nothing is to be unpacked: a megabyte on the wire may be a gigabyte of text, and tokens hardly shrink.
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
            # Not as `transport`, with which httpx uses no proxy of the environment.
            mounts={"all://": httpx.AsyncHTTPTransport(socket_options=_SOCKET_OPTIONS)},
        )

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """Pieces of the answer as the endpoint sends them, and then the calls, as they came.

        Closed or cancelled: the request is abandoned at once.

        Raises:
            EngineError: the endpoint cannot be reached, refuses, breaks off, or sends what is no answer.
        """
        body = {**self._parameters, **request_of(request), "model": self._model, "stream": True}
        calls = Calls()
        try:
            async with (
                self._client.stream("POST", self._url, json=body) as response,
                aclosing(self._choices(response)) as choices,
            ):
                async for delta in choices:
                    if delta.text:
                        yield delta.text
                    for piece in delta.tool_calls or ():
                        self._add(calls, piece)
        except httpx.TimeoutException as fault:
            raise self._error("did not answer in time") from fault
        except httpx.HTTPError as fault:
            raise self._error(f"cannot be talked to: {str(fault) or type(fault).__name__}") from fault
        for call in calls.whole() if request.function_choice != "none" else ():  # some call all the same
            yield call

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _choices(self, response: httpx.Response) -> AsyncGenerator[Delta, None]:
        """What is added to the answer, to its end."""
        packed = response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", "")
        if response.is_error:
            fault = "" if packed else fault_in(await _beginning(response))[:_MAX_FAULT_CHARACTERS]
            raise self._error(f"answered {response.status_code}", quote=fault)
        if packed:
            raise self._error("sent a compressed answer, which it was asked not to do")
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
            async with aclosing(chunk_lines(response.aiter_raw())) as lines:
                async for line in lines:
                    if line == "[DONE]":
                        yield None
                    elif line:
                        chunk = msgspec.json.decode(line, type=CompletionChunk)
                        if (fault := chunk.fault) is not None:
                            raise self._error("broke off", quote=fault[:_MAX_FAULT_CHARACTERS])
                        yield chunk
        except (ValueError, RecursionError) as fault:  # a fault of msgspec's is a ValueError
            raise self._error(f"sent what is no chunk of an answer: {fault}") from fault

    def _add(self, calls: Calls, piece: CallPiece) -> None:
        try:
            calls.add(piece)
        except (ValueError, RecursionError) as fault:
            raise self._error(f"sent what is no chunk of an answer: {fault}") from fault

    def _error(self, what: str, *, quote: str = "") -> EngineError:
        return EngineError(f"{self._url.host} {what}", engine=self.name, quote=quote)


async def _beginning(response: httpx.Response) -> bytes:
    """The first `_MAX_FAULT_BYTES` bytes of an error response."""
    body = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as pieces:
        async for piece in pieces:
            body += piece[: _MAX_FAULT_BYTES - len(body)]
            if len(body) == _MAX_FAULT_BYTES:
                break
    return bytes(body)
