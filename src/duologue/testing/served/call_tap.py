"""An ASGI application in front of another, which follows the calls that pass through it."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import weakref
from contextlib import suppress
from copy import deepcopy
from functools import partial
from io import BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import parse_qs

from duologue.audio.files import create_file
from duologue.inspection import CallFold, CallView
from duologue.recording import ClosedLine, Frame, Header, RecordingWriter
from duologue.recording.lines import ClosedBy, Direction, RecordingLine
from duologue.server.rejections import Rejection
from duologue.transports.asgi import OFFER, ASGIReceive, ASGISend, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from duologue.server import RealtimeApp

__all__ = ["CallTap", "TappedCall"]

_SPOOL_BYTES: Final = 1024 * 1024
"""Of a recording that stays in memory: 16 s of speech. A longer one is in a temporary file."""

_LOOKS: Final = 20
"""Iterations of the event loop after which all that has come is read: large messages wait for several."""

_PAUSE_S: Final = 0.001
"""Between two rounds of looks, for work that is done in threads."""

_NO_STATUS: Final = 1005
_ABNORMAL: Final = 1006
"""RFC 6455, section 7.4.1."""


class TappedCall:
    """One call, as the server saw it."""

    def __init__(self, scope: Scope, *, dialect: str | None = None) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self._model = next(iter(query.get("model", ())), None)
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))  # noqa: SIM115 - see below
        weakref.finalize(self, self._file.close)  # a test that does not call `close` would get a ResourceWarning
        clock = asyncio.get_running_loop().time
        self._writer = RecordingWriter(
            self._file, side="server", clock=clock, url=_url(scope), model=self._model, dialect=dialect
        )
        self._fold = CallFold(Header(started_at="", side="server", model=self._model, dialect=dialect))
        self._lock = threading.Lock()
        self.is_reading = False
        """Whether the server waits for the next message of the client."""
        self.is_over: bool = False

    @property
    def view(self) -> CallView:
        """What the call was so far; of one that goes on, a copy. From any thread."""
        with self._lock:
            return self._fold.view if self.is_over else deepcopy(self._fold.view)

    def recording(self) -> bytes:
        """The recording of what has passed so far. From any thread."""
        with self._lock:
            end = self._file.tell()
            self._file.seek(0)
            content = self._file.read()
            self._file.seek(end)
            return content

    def save(self, path: Path) -> None:
        """Write the recording into a file that its owner alone may read. Raises OSError."""
        with BufferedWriter(create_file(path)) as file:
            file.write(self.recording())

    def close(self) -> None:
        """Drop the recording; the view stays."""
        with self._lock:
            self.is_over = True
            self._file.close()

    def passed(self, direction: Direction, message: str | bytes) -> None:
        """A message has passed."""
        self._add(Frame(at_s=self._writer.now_s, direction=direction, message=message))

    def closed(self, code: int, reason: str, by: ClosedBy) -> None:
        """The connection has been closed."""
        self._add(ClosedLine(at_s=self._writer.now_s, code=code, reason=reason, by=by))

    def _add(self, line: RecordingLine) -> None:
        with self._lock:
            if not self._file.closed:
                self._writer.write_line(line)
                self._fold.push(line)


class CallTap:
    """Passes everything on; `calls` has what passed on each WebSocket that the application accepted."""

    @classmethod
    def before(cls, app: RealtimeApp) -> CallTap:
        """In front of a `RealtimeApp`, which knows the dialects of its clients."""
        return cls(app, dialect_of=partial(_dialect, app))

    def __init__(
        self,
        application: Callable[[Scope, ASGIReceive, ASGISend], Awaitable[None]],
        *,
        dialect_of: Callable[[Scope], str | None] = lambda _: None,
    ) -> None:
        """`dialect_of` says what a client's frames are in; None: as the hosted service has them."""
        self._application = application
        self._dialect_of = dialect_of
        self.calls: list[TappedCall] = []

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        if scope["type"] != "websocket":
            await self._application(scope, receive, send)
            return
        passage = _Passage(self, TappedCall(scope, dialect=self._dialect_of(scope)), receive, send)
        try:
            await self._application(scope, passage.receive, passage.send)
        finally:
            passage.call.is_over = True

    async def settled(self, *, within_s: float = 1.0) -> None:
        """Wait until the application has read what clients have sent by now, and calls that they closed are over.

        On the application's loop. After `within_s` seconds it returns in any case.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    for _ in range(_LOOKS):
                        await asyncio.sleep(0)
                    if all(call.is_over or call.is_reading for call in self.calls):
                        return
                    await asyncio.sleep(_PAUSE_S)

    def close(self) -> None:
        """Drop the recordings; the views stay."""
        for call in self.calls:
            call.close()


class _Passage:
    """One WebSocket on its way through."""

    def __init__(self, tap: CallTap, call: TappedCall, receive: ASGIReceive, send: ASGISend) -> None:
        self.call = call
        self._tap = tap
        self._receive = receive
        self._send = send
        self._is_closed = False

    async def receive(self) -> MutableMapping[str, Any]:
        self.call.is_reading = True
        try:
            message = await self._receive()
        finally:
            self.call.is_reading = False
        match message["type"]:
            case "websocket.receive":
                self.call.passed("received", _content(message))
            case "websocket.disconnect":
                code = message.get("code") or _NO_STATUS
                self._closed(code, message.get("reason") or "", "network" if code == _ABNORMAL else "client")
            case _:
                pass
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == OFFER:
            return  # by what it offers, messages would come and go beside this
        if message["type"] == "websocket.send":
            # Before it is sent: a client that has it may ask at once what the call was.
            self.call.passed("sent", _content(message))
        await self._send(message)
        match message["type"]:
            case "websocket.accept":
                self._tap.calls.append(self.call)
            case "websocket.close":
                self._closed(message.get("code", 1000), message.get("reason") or "", "server")
            case _:
                pass

    def _closed(self, code: int, reason: str, by: ClosedBy) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.call.closed(code, reason, by)


def _dialect(app: RealtimeApp, scope: Scope) -> str | None:
    try:
        return app.admission.dialect_of(scope)
    except Rejection:
        return None


def _content(message: MutableMapping[str, Any]) -> str | bytes:
    text: str | None = message.get("text")
    binary: bytes = message.get("bytes") or b""
    return text if text is not None else binary


def _url(scope: Scope) -> str:
    host, port = scope.get("server") or ("127.0.0.1", None)
    query = scope.get("query_string", b"").decode("latin-1")
    place = host if port is None else f"{host}:{port}"
    return f"{scope.get('scheme', 'ws')}://{place}{scope['path']}" + (f"?{query}" if query else "")
