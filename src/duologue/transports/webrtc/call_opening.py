"""Opens calls over WebRTC: one POST of the offer, then the server's first event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from duologue.chance import random_bytes
from duologue.clock import loop_time
from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer
from duologue.transports.http_post import post
from duologue.transports.socket_options import SocketOptions
from duologue.transports.webrtc.client_call import ClientCall
from duologue.transports.webrtc.peer import InvalidOffer, NoPortsLeft, Peer, PeerSettings

if TYPE_CHECKING:
    from duologue.transports.webrtc.peer import Stack

__all__ = ["open_call"]

_STANDARD: Final = SocketOptions()
_PEER: Final = PeerSettings()

_MAX_ID_CHARACTERS: Final = 200
"""Of a call's id, which ends up in URLs and in the log; usual ones have 36."""


async def open_call(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    session: Mapping[str, Any] | None = None,
    options: SocketOptions = _STANDARD,
    stack: Stack | None = None,
    settings: PeerSettings = _PEER,
    has_key: bool = True,
) -> ClientCall:
    """A call to the server whose calls are created at `url`, which is one of http or https.

    With a `session`, the offer is posted as a form together with it; without one as it is: then the client secret in
    the headers, or the URL, says what the session is. `options.open_timeout` is for all of it, in seconds. `stack` is
    the default one if it is None. Cancelling is safe: the server frees a call that was answered and not connected.

    Raises:
        ConnectFailed: there is no call; `.retryable` says whether another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed.
        MissingExtra: no WebRTC stack is installed.
    """
    if stack is None:
        # Imported here: native code, and the extra may be missing.
        from duologue.transports.webrtc.stacks import load_stack

        stack = load_stack()
    shown_url = without_secrets(url)
    ends_at = loop_time() + options.open_timeout
    peer = stack.new_peer(settings)
    try:
        content_type, body = _body(await _offer(peer, shown_url), session)
        answer = await post(
            url,
            body,
            {**(headers or {}), "Content-Type": content_type, "Accept": "application/sdp"},
            ssl=options.ssl,
            proxy=options.proxy,
            timeout=options.open_timeout,
            has_key=has_key,
        )
        await peer.connect(_description(answer, shown_url))
        call = ClientCall(peer, call_id=_call_id(answer))
    except InvalidOffer as fault:
        await peer.close()
        unusable = f"{shown_url} answers with a description that cannot be used: {fault}"
        raise ConnectFailed(unusable, retryable=False) from None
    except BaseException:
        await peer.close()
        raise
    try:
        await _until_open(call, shown_url, options.open_timeout, ends_at=ends_at)
    except BaseException:
        await call.close()
        raise
    return call


async def _offer(peer: Peer, shown_url: str) -> str:
    try:
        return await peer.offer()
    except NoPortsLeft as fault:
        raise ConnectFailed(f"no call to {shown_url}: {fault}", retryable=True) from None


def _body(offer: str, session: Mapping[str, Any] | None) -> tuple[str, bytes]:
    """The content type and the body of the request."""
    if session is None:
        return "application/sdp", offer.encode()
    # A boundary must not occur in the parts (RFC 2046, section 5.1.1); 128 random bits do not.
    boundary = random_bytes(16).hex()
    parts = {"sdp": ("application/sdp", offer.encode()), "session": ("application/json", msgspec.json.encode(session))}
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, (kind, content) in parts.items()
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _description(answer: HttpAnswer, shown_url: str) -> str:
    text = answer.body.decode("utf-8", "replace")
    if not text.lstrip().startswith("v="):  # RFC 8866, section 5: the first line
        raise ConnectFailed(
            f"{shown_url} answers with something other than SDP (HTTP {answer.status}): it creates no calls, or in "
            "another way; without WebRTC it may be reached by WebSocket",
            retryable=False,
            status=None,
        )
    return text


def _call_id(answer: HttpAnswer) -> str | None:
    """The last part of the path in `Location`."""
    try:
        name = urlsplit(answer.headers.get("location", "")).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return None
    return name if name and len(name) <= _MAX_ID_CHARACTERS and name.isprintable() else None


async def _until_open(call: ClientCall, shown_url: str, open_timeout: float, *, ends_at: float) -> None:
    try:
        async with asyncio.timeout_at(ends_at):
            await call.opened()
    except TimeoutError:
        raise ConnectFailed(
            f"{shown_url} has answered, and no sound or event came through within {open_timeout:g} s: a firewall may "
            "drop UDP, or the server's answer names addresses that are not reached from here; a WebSocket needs no UDP",
            retryable=True,
        ) from None
    except ConnectionClosed as fault:
        raise ConnectFailed(f"{shown_url} has answered, and then ended the call: {fault}", retryable=True) from None
