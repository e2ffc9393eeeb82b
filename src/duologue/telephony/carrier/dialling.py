"""Calls of an application by its URL: the answer page, the socket, and the call."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs

from duologue.clock import unix_time
from duologue.errors import ConnectFailed
from duologue.printable import printable
from duologue.telephony.carrier.call_plan import CallPlan
from duologue.telephony.carrier.calling import CallSettings, OutgoingCall
from duologue.telephony.carrier.networks import network_named
from duologue.telephony.carrier.openings import (
    CallCredentials,
    SocketOpening,
    answer_question,
    read_answer,
    socket_opening,
)
from duologue.telephony.recorded_leg import LegLog, RecordedLeg
from duologue.telephony.tcp.audiosocket_stream import AudioSocketStream
from duologue.transports.base import Transport
from duologue.transports.http_exchange import exchange
from duologue.transports.websocket import open_websocket

__all__ = ["dial"]

_OPEN_S: Final = 10.0
"""How long an application may take to answer; carriers wait from 5 to 15 s."""

_STANDARD: Final = CallSettings()
_TCP: Final = frozenset({"tcp", "audiosocket"})


async def dial(
    url: str,
    protocol: str,
    plan: CallPlan,
    settings: CallSettings = _STANDARD,
    *,
    secret: str = "",
    log: LegLog | None = None,
) -> OutgoingCall:
    """Open a call, which `await call.run()` then holds.

    `url` is that of the socket (`ws`, `wss`), of the answer page (`http`, `https`), which is asked as the network asks
    it, or `tcp://host:port` for AudioSocket. `secret` signs the call as the network does; `log` keeps the
    frames. Cancelling is safe.

    Raises:
        ConnectFailed: the application was not reached, refuses the call, or its page connects it with no socket.
        ValueError: the protocol is not known, or is not called by such a URL; and as `OutgoingCall` does.
        MissingExtra: as `OutgoingCall` does.
    """
    network = network_named(protocol)
    scheme = urlsplit(url).scheme
    if (scheme in _TCP) != (protocol == "audiosocket"):
        raise ValueError(f"{protocol} is not called at a URL of {scheme or 'no scheme'}")
    credentials = CallCredentials(secret=secret, now_unix_s=unix_time(), nonce=uuid.uuid4().hex)
    opening = SocketOpening(url=url)
    if scheme in ("http", "https"):
        opening = await _ask(url, protocol, settings, credentials)
        ids = structs.replace(settings.ids, parameters={**settings.ids.parameters, **opening.parameters})
        settings = structs.replace(settings, ids=ids, encoding=opening.encoding or settings.encoding)
    if protocol == "audiosocket":
        transport: Transport = await _open_tcp(url)
    else:
        headers = socket_opening(protocol, opening.url, credentials, token=opening.token)
        subprotocol = network.codec().traits.subprotocol
        transport = await open_websocket(
            opening.url, headers=headers, subprotocols=[subprotocol] if subprotocol else (), open_timeout=_OPEN_S
        )
    if log is not None:
        transport = RecordedLeg(transport, network.codec(), log, carrier=True)
    try:
        return OutgoingCall(transport, protocol, plan, settings)
    except BaseException:
        await transport.close()
        raise


async def _ask(url: str, protocol: str, settings: CallSettings, credentials: CallCredentials) -> SocketOpening:
    question = answer_question(protocol, url, settings.ids, credentials)
    headers: Mapping[str, str] = {**question.headers, "Accept": "*/*"}
    try:
        async with asyncio.timeout(_OPEN_S):
            answer = await exchange(question.url, method=question.method, headers=headers, body=question.body)
    except TimeoutError:
        raise ConnectFailed(f"the answer page was not there within {_OPEN_S:g} s", retryable=True) from None
    if answer.status != 200:
        quoted = printable(answer.body[:200].decode("utf-8", "replace"))
        raise ConnectFailed(
            f"the answer page has status {answer.status}: {quoted}", retryable=False, status=answer.status
        )
    try:
        return read_answer(protocol, answer.body)
    except ValueError as fault:
        raise ConnectFailed(str(fault), retryable=False) from None


async def _open_tcp(url: str) -> AudioSocketStream:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise ValueError("AudioSocket is called at tcp://host:port")
    try:
        async with asyncio.timeout(_OPEN_S):
            reader, writer = await asyncio.open_connection(host, port)
    except OSError as fault:  # a TimeoutError is one
        reason = fault.strerror or "it does not answer"
        raise ConnectFailed(f"cannot connect to {host}:{port}: {reason}", retryable=True) from None
    return AudioSocketStream(reader, writer)
