"""The server under load: asked once, by the ordinary client, how calls to it begin; then the frames for all calls."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from duologue.audio.formats import PCM, Encoding
from duologue.client import connect
from duologue.client.auth import usual_auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.live.opening import dialect_of
from duologue.client.live.urls import primary_url
from duologue.codec import encode
from duologue.codec.live import decode_live, encode_live
from duologue.errors import ConnectFailed, ConnectionClosed, DuologueError
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioTranscription,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    RealtimeSessionConfig,
    ServerVad,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    is_set,
)
from duologue.events.live import (
    LiveErrorEvent,
    LiveInputAudioAppendEvent,
    LiveSessionConfig,
    LiveSessionStartedEvent,
    LiveSessionStartEvent,
)
from duologue.inspection.session_in_force import SessionInForce
from duologue.load.wire import SocketPlace
from duologue.printable import printable_message
from duologue.transports.addresses import without_secrets

__all__ = ["LoadFamily", "LoadTarget", "find_target", "is_own_network"]

LoadFamily: TypeAlias = Literal["realtime", "live"]

_ANSWER_S: Final = 10.0
"""How long the first answers may take."""

_CONFIG: Final = SessionUpdateEvent(
    session=RealtimeSessionConfig(
        audio=AudioConfig(
            input=AudioInputConfig(transcription=AudioTranscription(model="whisper-1"), turn_detection=ServerVad())
        )
    )
)
"""As `duologue talk` asks for it: turns that the server detects, and transcripts."""

_LIVE_MODEL: Final = "gpt-live-1"


class LoadTarget(Struct, frozen=True, kw_only=True):
    """How calls to a server begin."""

    family: LoadFamily
    dialect: str
    is_guessed: bool = False
    """Whether no dialect was named: then frames are read forgivingly."""
    url: str
    """Of the session. Its query may hold a key that was written there."""
    model: str | None
    place: SocketPlace
    encoding: Encoding
    """Of the user's audio."""
    first: bytes | None
    """The message that configures or begins a session; None: nothing is sent."""
    note: str = ""
    """What there is to know about the server."""

    def __repr__(self) -> str:
        return f"LoadTarget({self.family}, {without_secrets(self.url)})"

    @property
    def append(self) -> Callable[[bytes], bytes]:
        """Writes the event that appends audio."""
        if self.family == "live":
            return lambda audio: encode_live(LiveInputAudioAppendEvent.from_audio(audio), dialect=self.dialect)
        return lambda audio: encode(InputAudioBufferAppendEvent.from_audio(audio), dialect=self.dialect)


async def find_target(endpoint: Endpoint, family: LoadFamily) -> LoadTarget:
    """Open one session as any client does, see how it answers, and close it.

    Raises:
        ConnectFailed: the server cannot be reached, or refuses the session; AuthenticationFailed and ModelNotFound are
            kinds of it.
        DuologueError: it answers, and not as a server of this family.
    """
    return await (_find_live(endpoint) if family == "live" else _find_realtime(endpoint))


async def _find_realtime(endpoint: Endpoint) -> LoadTarget:
    told: SessionInForce | None = None
    update: bytes | None = None
    note = ""
    async with connect(endpoint) as connection:
        try:
            async with asyncio.timeout(_ANSWER_S):
                while told is None:
                    match await connection.receive():
                        case SessionCreatedEvent(session=session):
                            told = SessionInForce.of(session)
                        case ErrorEvent(error=error):
                            raise DuologueError(f"the server refuses the session: {printable_message(error.message)}")
                        case _:
                            pass  # what comes before the session
                await connection.send(_CONFIG)
                while update is None and not note:
                    match await connection.receive():
                        case SessionUpdatedEvent(session=session):
                            told = SessionInForce.of(session)
                            update = encode(_CONFIG, dialect=connection.dialect)
                        case ErrorEvent(error=error):
                            note = f"it keeps its own configuration, and answers: {printable_message(error.message)}"
                        case _:
                            pass  # what comes beside the answer
        except TimeoutError:
            if told is None:
                raise DuologueError(f"the server sends no session.created within {_ANSWER_S:g} s") from None
            note = "it does not answer session.update, and keeps its own configuration"
        dialect = connection.dialect
    if told.detection is None:
        raise DuologueError("the server detects no turns in this session, so that no caller would be answered")
    if told.interrupts is False:
        note = f"{note}; it does not let itself be interrupted" if note else "it does not let itself be interrupted"
    settled = replace(endpoint, dialect=dialect)
    return LoadTarget(
        family="realtime",
        dialect=dialect,
        is_guessed=endpoint.dialect == AUTO,
        url=settled.session_url(),
        model=settled.session_model,
        place=await _place(settled),
        encoding=told.input,
        first=update,
        note=note,
    )


async def _find_live(endpoint: Endpoint) -> LoadTarget:
    from duologue.client.asyncio.connect import open_endpoint

    dialect, secure = dialect_of(endpoint), endpoint.socket.ssl is not None
    url = primary_url(endpoint.url, dialect=dialect, model=endpoint.model, secure=secure)
    auth = endpoint.auth
    if auth is None and endpoint.api_key is not None:
        auth = usual_auth(dialect, url, endpoint.api_key)
    settled = replace(endpoint, url=url, model=None, dialect=AUTO, auth=auth)
    model = endpoint.model or _LIVE_MODEL
    start = encode_live(LiveSessionStartEvent(session=LiveSessionConfig(model=model)), dialect=dialect)
    transport = await open_endpoint(settled)
    try:
        async with asyncio.timeout(_ANSWER_S):
            await transport.send(start.decode())
            while True:
                match decode_live(await transport.receive(), dialect=dialect):
                    case LiveSessionStartedEvent():
                        break
                    case LiveErrorEvent(error=error):
                        why = printable_message(error.message) if is_set(error.message) else "it does not say why"
                        raise DuologueError(f"the server refuses the session: {why}")
                    case _:
                        pass  # what comes before the session
    except TimeoutError:
        raise DuologueError(f"the server sends no session.started within {_ANSWER_S:g} s") from None
    except ConnectionClosed as closed:
        raise DuologueError(f"the server ended the session: {closed}") from closed
    finally:
        with suppress(DuologueError):
            await transport.close()
    return LoadTarget(
        family="live",
        dialect=dialect,
        url=url,
        model=model,
        place=await _place(settled),
        encoding=PCM,
        first=start,
    )


async def _place(endpoint: Endpoint) -> SocketPlace:
    """Where the sockets lead. The name is resolved once: a thousand calls would ask a thousand times."""
    credentials = endpoint.credentials()
    parts = urlsplit(endpoint.session_url(credentials))
    secure = parts.scheme == "wss"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return SocketPlace(
        host=str(found[0][4][0]),
        server_name=host,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authority=parts.netloc.rpartition("@")[2],
        secure=secure,
        headers=credentials.headers,
        subprotocols=credentials.subprotocols,
    )


async def is_own_network(url: str) -> bool:
    """Whether all addresses of a URL's host are this machine's or a private network's.

    Raises:
        ConnectFailed: there is no such host.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise ConnectFailed(f"there is no host {host}: {fault.strerror or fault}", retryable=True) from None
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    return all(any(each in network for network in _OWN) for each in addresses)


_OWN: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"),  # this machine, and its links
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # RFC 1918 and RFC 4193
        "100.64.0.0/10",  # RFC 6598, which private overlay networks use
    )
)
"""Not Python's `is_private`, which has documentation and test networks too."""
