"""Records a cassette: passes what clients send on to another server, unchanged, and writes both directions down."""

from __future__ import annotations

import asyncio
import http.client
import os
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.parse import SplitResult, parse_qs, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from duologue.client.session_urls import split_session_url
from duologue.clock import loop_time
from duologue.recording import ClosedBy, Direction, ExchangeLine, RecordingReader, RecordingWriter, SessionFamily, Side
from duologue.recording.secrets import url_without_keys
from duologue.testing.cassettes.cassette import CassetteAnswer, body_of
from duologue.testing.cassettes.closing import close_as
from duologue.testing.cassettes.contents import OPENING_PAUSE_S
from duologue.testing.cassettes.http_front import SILENT

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["CassetteRecorder", "UpstreamSocket"]

_TIMEOUT_S: Final = 15.0
"""For a connection, and for an answer over HTTP: a server that has to start first takes some seconds."""

_MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Four times what the protocol allows: more is no message of a voice session."""

_MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Over HTTP: a session with all its tools has 100 kB."""

_CLOSE_TIMEOUT_S: Final = 3.0
"""How long to wait for the server's close frame: a live one answers within a round trip."""

_OF_ONE_CONNECTION: Final = frozenset(
    {"host", "connection", "upgrade", "content-length", "accept-encoding", "transfer-encoding", "user-agent"}
)
"""Headers that are not passed on. `User-Agent` of a WebSocket is passed in another way."""

_NO_CLOSE: Final = 1006


class CassetteRecorder:
    """Writes one cassette. The file is written beside its place first, and moved there by `close`."""

    def __init__(
        self, path: str | os.PathLike[str], upstream: str, *, name: str | None = None, extends: bool = False
    ) -> None:
        """`upstream` is the URL of the server's sessions, `name` what faults call the file. With `extends`, the lines
        of the present file come first.

        Raises ConnectFailed: it is no such URL.
        """
        self.faults: list[str] = []
        self.summary: str = ""
        """What was recorded, in words; empty before the end, and if that was nothing."""
        self.is_failed = False
        """Whether the test failed: then the file stays beside its place, and the cassette is as it was before."""
        self._file = os.fspath(path)
        self._name = name or self._file
        self._upstream: SplitResult = split_session_url(upstream)
        self._extends = extends
        self._writer: RecordingWriter | None = None
        self._waiting: list[ExchangeLine] = []
        """Requests before the first connection, which the header is about."""
        self._clock = _Clock()
        self._connections = 0
        self._sockets: list[ClientConnection] = []

    @property
    def path(self) -> str:
        """The path of the server's sessions."""
        return self._upstream.path

    async def open(self, target: str, headers: Mapping[str, str]) -> UpstreamSocket | CassetteAnswer:
        """Open the same connection to the server; its refusal is recorded and returned."""
        offered = [name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        url = self._url(self._upstream.scheme, target)
        try:
            socket = await _Connecting(
                url,
                additional_headers=_passed(headers),
                subprotocols=[Subprotocol(name) for name in offered] or None,
                user_agent_header=headers.get("User-Agent"),
                open_timeout=_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=_MAX_MESSAGE_BYTES,
                compression=None,
                ping_interval=None,
                logger=SILENT,
            )
        except InvalidStatus as refused:
            answer = refused.response
            content_type = answer.headers.get("Content-Type", "application/json")
            found = CassetteAnswer(status=answer.status_code, body=bytes(answer.body or b""), content_type=content_type)
            self._exchange("GET", target, b"", found, asks_for_socket=True)
            return found
        except (OSError, WebSocketException, TimeoutError) as fault:
            return self._unreachable(fault)
        self._connections += 1
        self._connected(url)
        self._sockets.append(socket)
        return UpstreamSocket(socket, self, self._connections)

    async def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> CassetteAnswer:
        """Send the same request to the server; returns its answer, which is recorded."""
        scheme = "https" if self._upstream.scheme == "wss" else "http"
        asked = urllib.request.Request(
            self._url(scheme, target), body or None, {**_passed(headers), "Accept-Encoding": "identity"}, method=method
        )
        try:
            answer = await asyncio.to_thread(_ask, asked)
        except (OSError, http.client.HTTPException) as fault:
            return self._unreachable(fault)
        self._exchange(method, target, body, answer)
        return answer

    def write(self, message: str | bytes, connection: int, *, by: Side) -> None:
        """Write a message down before it is passed on, so that no answer comes before it."""
        if self._writer is not None:
            direction: Direction = "sent" if by == self._writer.side else "received"
            self._writer.write(direction, message, connection=connection)

    def closed(self, code: int, reason: str, connection: int, *, by: ClosedBy) -> None:
        """A connection is over."""
        if self._writer is not None:
            self._writer.closed(code, reason, by=by, connection=connection)

    def state(self) -> list[str]:
        """What went wrong so far, and where the recording of a test that fails is, in sentences."""
        if self._writer is None:
            return self.faults
        return [*self.faults, f"{self._name} is not changed by a test that fails: {self._name}.part has what passed"]

    def close(self) -> None:
        """Finish the file. Without a connection and a request there is none, which is a fault."""
        for socket in self._sockets:
            socket.transport.abort()  # of a client that had gone before the server had answered
        if self._writer is None and self._waiting:
            self._begin(self._upstream.geturl())
        if self._writer is None:
            if not self._extends and not self.faults:
                self.faults.append(f"{self._name}: there was nothing to record: the client opened no connection.")
            return
        self._writer.close()
        if self._writer.failure is not None:
            self.faults.append(f"{self._name}: {self._writer.failure}")
            return
        if self.is_failed:
            return
        Path(self._writer.path).replace(self._file)
        connections = "1 connection" if self._connections == 1 else f"{self._connections} connections"
        self.summary = f"{self._name}: {connections}, {self._writer.frames} messages"

    def _url(self, scheme: str, target: str) -> str:
        return f"{scheme}://{self._upstream.netloc}{target}"

    def _unreachable(self, fault: Exception) -> CassetteAnswer:
        url = url_without_keys(self._upstream.geturl())
        reason = getattr(fault, "reason", None) or fault
        words = f"{self._name}: {url} cannot be reached: {type(fault).__name__}: {reason}"
        self.faults.append(words)
        return CassetteAnswer(status=502, body=words.encode(), content_type="text/plain")

    def _exchange(
        self, method: str, target: str, body: bytes, answer: CassetteAnswer, *, asks_for_socket: bool = False
    ) -> None:
        line = ExchangeLine(
            at_s=self._writer.now_s if self._writer is not None else 0.0,
            method=method,
            path=url_without_keys(target),
            request=body_of(body),
            asks_for_socket=asks_for_socket,
            status=answer.status,
            answer=body_of(answer.body),
        )
        if self._writer is not None:
            self._writer.write_line(line)
        else:
            self._waiting.append(line)

    def _connected(self, url: str) -> None:
        if self._writer is None:
            self._begin(url)
        if self._connections > 1:
            assert self._writer is not None
            self._writer.connected(url=url, model=_model_in(url), connection=self._connections)

    def _begin(self, url: str) -> None:
        part = Path(f"{self._file}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        if not self._extends:
            self._writer = RecordingWriter(
                part, clock=self._clock, url=url, model=_model_in(url), family=_family_of(urlsplit(url).path)
            )
        else:
            self._writer = self._extended(part)
        for line in self._waiting:
            self._writer.write_line(line)
        self._waiting.clear()

    def _extended(self, part: Path) -> RecordingWriter:
        with RecordingReader(self._file) as old:
            header = old.header
            family = _family_of(urlsplit(header.url).path) if header.url is not None else None
            writer = RecordingWriter(
                part,
                side=header.side,
                clock=self._clock,
                url=header.url,
                model=header.model,
                dialect=header.dialect,
                family=family,
                subject=header.subject,
            )
            last_s, connections = 0.0, 0
            for line in old.lines():
                writer.write_line(line)
                last_s = max(last_s, getattr(line, "at_s", 0.0))
                connections = max(connections, getattr(line, "connection", 0))
        self._clock.ahead_s = last_s
        self._connections += connections
        return writer


class UpstreamSocket:
    """A connection to the server that is recorded."""

    def __init__(self, socket: ClientConnection, recorder: CassetteRecorder, number: int) -> None:
        self._socket = socket
        self._recorder = recorder
        self._number = number
        self._is_over = False

    async def relay(self, client: Connection) -> None:
        """Pass messages on until one side closes; then the other side is closed with the same code."""
        async with asyncio.TaskGroup() as directions:
            directions.create_task(self._pass(client, self._socket, by="client"))
            directions.create_task(self._pass(self._socket, client, by="server"))

    async def _pass(self, source: Connection, target: Connection, *, by: Side) -> None:
        if by == "server":
            await asyncio.sleep(OPENING_PAUSE_S)  # as the player does
        try:
            while True:
                message = await source.recv()
                self._recorder.write(message, self._number, by=by)
                with suppress(ConnectionClosed):  # the other direction sees that too
                    await target.send(message)
        except ConnectionClosed:
            code, reason = source.close_code or _NO_CLOSE, source.close_reason or ""
            if not self._is_over:
                self._is_over = True
                lost = by == "server" and code == _NO_CLOSE
                self._recorder.closed(code, reason, self._number, by="network" if lost else by)
                await close_as(target, code, reason)


class _Clock:
    """The loop's seconds; `ahead_s` are added, those of a recording that is being extended."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return loop_time() + self.ahead_s


class _Connecting(connect):
    """The library's `connect`, which would follow redirects with the key to other hosts."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """None is followed."""
        return exc


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _ask(request: urllib.request.Request) -> CassetteAnswer:
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        response: Any = opener.open(request, timeout=_TIMEOUT_S)
    except HTTPError as refused:
        response = refused
    with response:
        content_type = response.headers.get("Content-Type") or "application/json"
        return CassetteAnswer(status=response.status, body=response.read(_MAX_ANSWER_BYTES), content_type=content_type)


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _OF_ONE_CONNECTION and not name.lower().startswith("sec-websocket-")
    }


def _model_in(url: str) -> str | None:
    return parse_qs(urlsplit(url).query).get("model", [None])[0]


def _family_of(path: str) -> SessionFamily:
    if "/live/" in path:
        return "live"
    return "translation" if path.endswith("/translations") else "realtime"
