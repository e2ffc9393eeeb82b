"""Creates the calls of a run over WebRTC, and asks for what is about them over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from duologue.client.asyncio.connect import open_endpoint
from duologue.client.endpoint import Endpoint
from duologue.clock import loop_time
from duologue.conformance.outcomes import NotApplicable
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_call import RawCall
from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.transports import Transport
from duologue.transports.addresses import origin_of, without_secrets
from duologue.transports.handshakes import proxy_for
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.http_exchange import exchange
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.webrtc.peer import InvalidOffer, Peer, PeerSettings, Stack

__all__ = ["CallOpener", "OpenedCall", "form"]

_BOUNDARY: Final = "duologue-conform-93c1"
_MAX_ID_CHARACTERS: Final = 200
"""Of a call's id, which becomes part of URLs."""

_SDP: Final = "application/sdp"
_PLAIN: Final = ConnectOptions()


class OpenedCall(Struct, frozen=True):
    """A call, and the answer that created it."""

    call: RawCall
    answer: HttpAnswer
    transport: Transport
    """The call, wrapped as the run wants it."""


class CallOpener:
    """Opens connections for `run`: each is a call. As a function it returns the call's transport."""

    def __init__(
        self,
        place: Endpoint | str,
        *,
        stack: Stack | None = None,
        wrap: Callable[[Transport], Transport] = lambda transport: transport,
    ) -> None:
        """`place` is the URL of calls, or an endpoint with it. `stack` is by default the one that is installed.

        `wrap` may wrap each connection, as a recorder does.

        Raises:
            MissingExtra: no WebRTC stack is installed.
        """
        if stack is None:
            from duologue.transports.webrtc.stacks import load_stack

            stack = load_stack()
        endpoint = Endpoint(url=place) if isinstance(place, str) else place
        self._endpoint = replace(endpoint, transport="webrtc")
        self._stack = stack
        self._wrap = wrap

    async def __call__(self, options: ConnectOptions) -> Transport:
        """Raises as `open` does."""
        return (await self.open(options)).transport

    async def open(self, options: ConnectOptions) -> OpenedCall:
        """Create a call, and connect it.

        Raises:
            ConnectFailed: there is none.
            NotApplicable: such sessions are not tried over WebRTC.
        """
        if options.beta:
            raise NotApplicable("the beta is not tried over WebRTC")
        session = self._with(options).call_session
        if session is None:
            return await self.create(lambda offer: (_SDP, offer.encode()), options=options)
        settings = msgspec.json.encode(session).decode()
        return await self.create(
            lambda offer: form({"sdp": (_SDP, offer), "session": ("application/json", settings)}), options=options
        )

    async def create(
        self,
        body_of: Callable[[str], tuple[str, bytes]],
        *,
        options: ConnectOptions = _PLAIN,
        changed: Callable[[str], str] = lambda offer: offer,
    ) -> OpenedCall:
        """Create a call with the content type and the body that `body_of` makes of the offer, and connect it.

        Raises:
            ConnectFailed: there is none.
        """
        endpoint, peer = self._with(options), self._stack.new_peer(PeerSettings())
        try:
            content_type, body = body_of(changed(await peer.offer()))
            answer = await self.post(body, {"Content-Type": content_type}, endpoint=endpoint)
            if not 200 <= answer.status < 300:
                raise self._refusal(answer, endpoint)
            call = await self._connected(peer, answer)
        except BaseException:
            await peer.close()
            raise
        return OpenedCall(call, answer, self._wrap(call))

    async def answer_to(
        self,
        body_of: Callable[[str], tuple[str, bytes]],
        *,
        options: ConnectOptions = _PLAIN,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Ask for a call, and use no answer: the server frees it. Raises ConnectFailed if there is no answer."""
        peer = self._stack.new_peer(PeerSettings())
        try:
            content_type, body = body_of(await peer.offer())
            sent = {"Content-Type": content_type, **(headers or {})}
            return await self.post(body, sent, endpoint=self._with(options))
        finally:
            await peer.close()

    async def reach(self, within_s: float) -> None:
        """Create a call, wait for its first event, and end it.

        Raises:
            ConnectFailed: there is no call, or nothing comes through.
        """
        opened, began_at = await self.open(ConnectOptions()), loop_time()
        try:
            async with asyncio.timeout(within_s):
                await opened.call.receive()
        except (TimeoutError, ConnectionClosed):
            waited = loop_time() - began_at
            raise ConnectFailed(
                f"{self.shown_url} creates a call, and nothing comes over it within {waited:.0f} s: UDP may be blocked."
                f" duologue doctor {self.shown_url} says more",
                retryable=True,
            ) from None
        finally:
            await opened.call.close()

    async def join(self, call_id: str) -> Transport:
        """Open a sideband to a call. Raises ConnectFailed."""
        return self._wrap(await open_endpoint(replace(self._endpoint, transport=None, call_id=call_id, model=None)))

    @property
    def model(self) -> str | None:
        """The model to ask for; None: none is named."""
        return self._endpoint.model

    @property
    def url(self) -> str:
        """Where calls are created."""
        return self._endpoint.session_url()

    @property
    def shown_url(self) -> str:
        """The same for messages."""
        return without_secrets(self.url)

    async def post(
        self, body: bytes, headers: Mapping[str, str], *, endpoint: Endpoint | None = None, path: str = ""
    ) -> HttpAnswer:
        """POST to the URL of calls, or to a path below it, with the key. Raises ConnectFailed if there is no answer."""
        endpoint = endpoint or self._endpoint
        credentials = endpoint.credentials()
        url = urlsplit(endpoint.session_url(credentials))
        return await self._exchange(
            url._replace(path=url.path + path).geturl(), "POST", {**credentials.headers, **headers}, body
        )

    async def ask(self, method: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Ask the URL of calls, without a key. Raises ConnectFailed if there is no answer."""
        return await self._exchange(self.url, method, headers, b"")

    async def _exchange(self, url: str, method: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        options = self._endpoint.socket
        socket_url = url.replace("http", "ws", 1)
        try:
            async with asyncio.timeout(options.open_timeout):
                return await exchange(
                    url,
                    method=method,
                    headers=headers,
                    body=body,
                    context=options.ssl,
                    proxy=proxy_for(socket_url, options),
                )
        except TimeoutError:
            late = f"{without_secrets(url)} did not answer within {options.open_timeout:g} s"
            raise ConnectFailed(late, retryable=True) from None

    def _with(self, options: ConnectOptions) -> Endpoint:
        endpoint = self._endpoint
        if options.intent is not None:
            endpoint = replace(endpoint, intent=options.intent)
        if options.model is not None:
            endpoint = replace(endpoint, model=options.model or None)
        if options.api_key is not None:
            endpoint = replace(endpoint, api_key=options.api_key)
        return endpoint

    async def _connected(self, peer: Peer, answer: HttpAnswer) -> RawCall:
        try:
            await peer.connect(answer.body.decode("utf-8", "replace"))
        except InvalidOffer as fault:
            unusable = f"{self.shown_url} answers with a description that cannot be used: {fault}"
            raise ConnectFailed(unusable, retryable=False) from None
        url = self._call_url(answer.headers.get("location", ""))
        name = urlsplit(url).path.rstrip("/").rpartition("/")[2] if url is not None else None
        return RawCall(peer, call_id=name, url=url)

    def _call_url(self, location: str) -> str | None:
        """Where the call is; None if that is no URL of this server: the key would go along."""
        try:
            url = urljoin(self.url, location)
            named = len(location) <= _MAX_ID_CHARACTERS and location.isprintable() and urlsplit(url).path != "/"
            return url if location and named and origin_of(url) == origin_of(self.url) else None
        except ValueError:
            return None

    def _refusal(self, answer: HttpAnswer, endpoint: Endpoint) -> ConnectFailed:
        credentials = endpoint.credentials()
        mask = SecretMask(handshake_secrets(endpoint.session_url(credentials), credentials.headers))
        return refusal(self.url, answer, mask=mask, has_key=endpoint.api_key is not None)


def form(parts: Mapping[str, tuple[str | None, str]]) -> tuple[str, bytes]:
    """Content type and body of a form: by name the content type of the part, None for no such line, and its text."""
    body = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        + ("" if kind is None else f"Content-Type: {kind}\r\n")
        + f"\r\n{text}\r\n"
        for name, (kind, text) in parts.items()
    )
    return f"multipart/form-data; boundary={_BOUNDARY}", f"{body}--{_BOUNDARY}--\r\n".encode()
