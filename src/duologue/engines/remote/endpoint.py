"""A service behind a URL: one pool of connections for all sessions, bounds on time and size, and failures in words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, cast

from duologue.audio.extras import needs
from duologue.clock import loop_time
from duologue.engines.remote.event_lines import fault_in
from duologue.errors import EngineError
from duologue.printable import printable_message
from duologue.transports.addresses import without_secrets
from duologue.transports.trace_headers import trace_headers

with needs("server"):
    import httpx

__all__ = ["SILENCE_S", "HttpService"]

SILENCE_S: Final = 60.0
"""Until the next bytes of an answer: a server on the same machine may load its model first."""

_CONNECT_S: Final = 5.0
"""A slower endpoint is too slow for a conversation."""

_ANSWER_S: Final = 300.0
"""Of waiting for one answer in all, however often a byte comes. No caller waits for longer."""

_PROBE_S: Final = 3.0
"""For the answer to a probe, which costs nothing to compute; supervisors wait for it."""

_RETRY_S: Final = 0.1
"""Before the one repetition: a connection that the other side had just closed as idle needs none, and a restart
of a process takes longer than a caller waits."""

_MAX_RETRY_AFTER_S: Final = 1.0
"""What an endpoint may ask to wait before the repetition. A caller who waits longer has hung up."""

_UNREAD_BYTES: Final = 128 * 1024
"""That the system keeps; uvloop reads all of it at once, and Linux would take 6 MB."""

_SOCKET_OPTIONS: Final = ((socket.SOL_SOCKET, socket.SO_RCVBUF, _UNREAD_BYTES),)

_MAX_FAULT_BYTES: Final = 4096
"""Of an error response; its message stands at the beginning."""

_MAX_FAULT_CHARACTERS: Final = 300
"""Of what an endpoint says about its failure: one sentence, not a page of HTML."""

_MAX_BODY_BYTES: Final = 1024 * 1024
"""Of the answer to a GET: lists of voices and models are shorter."""

_LEADS: Final[Mapping[int, str]] = {
    401: "check the key",
    403: "its key may not do this",
    404: "check its URL and the model",
    405: "check its URL",
    429: "its rate limit or its quota is used up",
}
"""By status: what the operator can do. What the endpoint says then is about the account, and goes to the log."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""Failures before an answer has begun, after which a request may be sent again: it changes nothing at an endpoint."""

_BUSY: Final = frozenset({429, 503})


class HttpService:
    """Sends requests below one URL, and turns everything that goes wrong into an `EngineError`.

    Its message is for the operator's log; `for_client` is for the caller, and names neither host nor status.
    """

    def __init__(
        self, url: str, *, engine: str, service: str, api_key: str | None = None, silence_s: float = SILENCE_S
    ) -> None:
        """`url` ends before `/audio/…` or `/chat/…`; `service` is what a caller is told has failed.

        Raises:
            EngineError: `url` is no address.
        """
        self.engine = engine
        self._service = service
        shown = without_secrets(url)
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL:
            # Without its cause, which may quote what stands before the host.
            raise EngineError(f"{shown!r} is no address", engine=engine) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise EngineError(f"{shown!r} is no address: it looks like http://host:port/v1", engine=engine)
        # Nothing is to be unpacked: a megabyte on the wire may be a gigabyte of text, and audio hardly shrinks.
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
        self.client: httpx.AsyncClient = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(silence_s, connect=_CONNECT_S),
            # As many as the server has calls: it bounds them itself, and no caller is to wait for another one's.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            # Not as `transport`, with which httpx uses no proxy of the environment.
            mounts={"all://": httpx.AsyncHTTPTransport(socket_options=_SOCKET_OPTIONS)},
        )

    @property
    def host(self) -> str:
        """The name of the machine, for messages."""
        return self._url.host

    def url_of(self, path: str) -> httpx.URL:
        """The URL of a path below that of the endpoint, with the query of that, if it has one."""
        return self._url.copy_with(path=f"{self._url.path.rstrip('/')}/{path}")

    @asynccontextmanager
    async def post(self, path: str, **content: Any) -> AsyncGenerator[httpx.Response, None]:
        """The answer to a request, good and not compressed, for the length of a block. `content` goes to httpx.

        Cancelled, or left early: the connection is closed, so that the endpoint can stop its work.

        Raises:
            EngineError: the endpoint cannot be reached, refuses, or breaks off while the block reads.
        """
        request = self.client.build_request("POST", self.url_of(path), **content)
        request.headers.update(trace_headers())
        try:
            response = await self._answer_to(request)
            try:
                await self._check(response)
                yield response
            finally:
                await response.aclose()
        except httpx.TimeoutException as fault:
            raise self.error("did not answer in time") from fault
        except httpx.HTTPError as fault:
            raise self.error(f"cannot be talked to: {str(fault) or type(fault).__name__}") from fault

    async def body(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer as they come. Raises EngineError if they take too long together."""
        left_s = _ANSWER_S
        async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as pieces:
            while True:
                begun_s = loop_time()
                try:
                    # Only the wait is counted: who reads may take as long as it takes to speak.
                    async with asyncio.timeout(left_s):
                        piece = await anext(pieces, None)
                except TimeoutError as fault:
                    raise self.error(f"took more than {_ANSWER_S:g} s for one answer") from fault
                if piece is None:
                    return
                left_s -= loop_time() - begun_s
                yield piece

    async def whole(self, response: httpx.Response, *, max_bytes: int) -> bytes:
        """An answer that is no stream. Raises EngineError if it is longer than that."""
        content = bytearray()
        async with aclosing(self.body(response)) as pieces:
            async for piece in pieces:
                content += piece
                if len(content) > max_bytes:
                    raise self.error(f"sent an answer of more than {max_bytes} bytes")
        return bytes(content)

    async def get(self, path: str) -> bytes | None:
        """The answer to a GET; None where there is nothing of this path, or this key may not read it.

        Raises:
            EngineError: the endpoint cannot be reached within 3 s, fails, or refuses the key.
        """
        try:
            async with asyncio.timeout(_PROBE_S), self.client.stream("GET", self.url_of(path)) as response:
                if response.status_code == 401 or response.status_code >= 500:
                    await self._check(response)
                return await self.whole(response, max_bytes=_MAX_BODY_BYTES) if response.is_success else None
        except (TimeoutError, httpx.TimeoutException) as fault:
            raise self.error("did not answer in time") from fault
        except httpx.HTTPError as fault:
            raise self.error(f"cannot be talked to: {str(fault) or type(fault).__name__}") from fault

    async def probe(self) -> None:
        """Raises EngineError if the endpoint cannot be reached, fails, or refuses the key. Computes nothing there."""
        # A server without a list of models, or a key that may not read it, is there all the same.
        await self.get("models")

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()

    def error(self, what: str, *, quote: str = "", for_client: str = "") -> EngineError:
        """A failure of this endpoint's."""
        told = for_client or f"{self._service} is not available; please try again in a moment"
        return EngineError(f"{self.host} {what}", engine=self.engine, quote=quote, for_client=told)

    async def _answer_to(self, request: httpx.Request) -> httpx.Response:
        """The answer, whatever its status. One that is not there, or asks for a short wait, is asked for once more."""
        try:
            response = await self.client.send(request, stream=True)
        except _NOT_SENT:
            wait_s = _RETRY_S
        else:
            after_s = _retry_after_s(response)
            if after_s is None:
                return response
            await response.aclose()
            wait_s = after_s
        await asyncio.sleep(wait_s)
        return await self.client.send(request, stream=True)

    async def _check(self, response: httpx.Response) -> None:
        """Raise EngineError for an error response, and for an answer that would have to be unpacked."""
        packed = response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", "")
        if response.is_success and packed:
            raise self.error("sent a compressed answer, which it was asked not to do")
        if response.is_success:
            return
        status = response.status_code
        said = "" if packed else fault_in(await _beginning(response))[:_MAX_FAULT_CHARACTERS]
        answered = f"answered {status}"
        if (lead := _LEADS.get(status)) is not None:
            reason = f": {printable_message(said)}" if said else ""
            busy = f"{self._service} is busy; please try again in a moment"
            refused = f"{self._service} refuses this server; its operator's log says why"
            raise self.error(f"{answered}{reason} ({lead})", for_client=busy if status in _BUSY else refused)
        if status < 500:
            # About the request, and may repeat its words: not for the log.
            told = f"{self._service} does not take this" + (f": {printable_message(said)}" if said else "")
            raise self.error(answered, quote=said, for_client=told)
        raise self.error(answered, quote=said)


def _retry_after_s(response: httpx.Response) -> float | None:
    """How long to wait before the request is sent again; None: the answer stands."""
    if response.status_code not in _BUSY:
        return None
    try:
        after_s = float(response.headers.get("Retry-After", ""))
    except ValueError:  # none, or a date, which is too far away
        return None
    return after_s if 0 <= after_s <= _MAX_RETRY_AFTER_S else None


async def _beginning(response: httpx.Response) -> bytes:
    """The first `_MAX_FAULT_BYTES` bytes of an error response."""
    body = bytearray()
    async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as pieces:
        async for piece in pieces:
            body += piece[: _MAX_FAULT_BYTES - len(body)]
            if len(body) == _MAX_FAULT_BYTES:
                break
    return bytes(body)
