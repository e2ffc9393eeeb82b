"""Plays a cassette on a port of this machine, or records one there.

async with cassette_server("call.jsonl") as url, converse(url) as conversation: …
async with cassette_server("call.jsonl", record="once", upstream="wss://api.example.com/v1/realtime") as url: …
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from duologue.clock import unix_time
from duologue.codec.jsontext import write_text
from duologue.errors import RecordingError
from duologue.recording import ClosedLine
from duologue.testing.cassettes.cassette import Cassette, CassetteAnswer
from duologue.testing.cassettes.closing import close_as
from duologue.testing.cassettes.http_front import SILENT, FrontConnection, asks_for_socket, http_response
from duologue.testing.cassettes.player import ConnectionPlayer, Match, Outgoing
from duologue.testing.cassettes.recorder import CassetteRecorder, UpstreamSocket
from duologue.transports.socket_options import MAX_MESSAGE_BYTES

__all__ = ["CassetteServer", "RecordMode", "cassette_server", "open_cassette"]

RecordMode: TypeAlias = Literal["none", "once", "new", "all"]
"""none: play. once: play, and record if there is no file. new: play, and record further connections. all: record."""

_PATIENCE_S: Final = 10.0
"""How long a client may send nothing while the server waits for it. A tool or a person may take some seconds."""

_CLOSE_TIMEOUT_S: Final = 1.0
"""How long to wait for the client's close frame: it is on this machine."""

_SESSION_PATHS: Final = ("/realtime", "/realtime/translations", "/live/sessions")
"""Behind a base URL, of all families."""

_NO_CLOSE: Final = 1006
"""The code of a connection that was lost: RFC 6455, section 7.4.1."""

_SUBPROTOCOLS: Final = ("openai-live", "realtime")
"""Those that servers choose where clients offer them."""

_REFUSED: Final = 4000
"""Closes a client that is not the recorded one: a code of applications, after which `converse` does not reconnect."""


class CassetteServer:
    """A cassette that is being played or recorded."""

    def __init__(
        self,
        *,
        cassette: Cassette | None,
        recorder: CassetteRecorder | None = None,
        patience_s: float | None = _PATIENCE_S,
        port: int = 0,
        repeats: bool = False,
    ) -> None:
        """`port` 0 is any that is free. One that `repeats` plays what has been played to the next client again."""
        self.url: str = ""
        """Of the recorded path on this machine: `ws://…`."""
        self.cassette = cassette
        self.recorder = recorder
        self._patience_s = patience_s
        self._port = port
        self._repeats = repeats

    @property
    def base_url(self) -> str:
        """For clients that add the path of the sessions by themselves: `http://…/v1`."""
        url = self.url.replace("ws://", "http://", 1)
        return next((url.removesuffix(path) for path in _SESSION_PATHS if url.endswith(path)), url)

    @property
    def is_recording(self) -> bool:
        """Whether connections go on to the upstream server: to all of them, or to those that were not recorded."""
        return self.recorder is not None

    @property
    def port(self) -> int:
        """Of this machine."""
        return int(self.url.split("/")[2].rpartition(":")[2])

    def state(self) -> list[str]:
        """What did not fit so far, or how far the cassette has been played, in sentences."""
        played = self.cassette.state() if self.cassette is not None else []
        return [*played, *(self.recorder.state() if self.recorder is not None else [])]

    def fail(self) -> None:
        """The test has failed: what is being recorded becomes no cassette."""
        if self.recorder is not None:
            self.recorder.is_failed = True

    @property
    def faults(self) -> list[str]:
        """What did not fit so far, in sentences."""
        return [fault for each in (self.cassette, self.recorder) if each is not None for fault in each.faults]

    def finish(self) -> list[str]:
        """The same with what only the end shows: what was recorded, and did not come."""
        if self.cassette is not None and not self.faults:
            return self.cassette.finish()
        return self.faults

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[CassetteServer, None]:
        """Listen for a block. Then connections that are still open are closed with 1001, and a recording is written."""
        try:
            async with serve(
                self._serve,
                "127.0.0.1",
                self._port,
                process_request=self._request,
                select_subprotocol=_subprotocol,
                create_connection=FrontConnection,
                max_size=MAX_MESSAGE_BYTES,
                compression=None,
                ping_interval=None,
                close_timeout=_CLOSE_TIMEOUT_S,
                logger=SILENT,
            ) as server:
                path = self.recorder.path if self.recorder is not None else ""
                if self.cassette is not None:
                    path = self.cassette.contents.path
                self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
                yield self
        finally:
            if self.recorder is not None:
                self.recorder.close()

    async def _what(
        self, front: FrontConnection, request: Request
    ) -> ConnectionPlayer | UpstreamSocket | CassetteAnswer:
        is_socket = asks_for_socket(front, request)
        cassette, recorder = self.cassette, self.recorder
        is_known = cassette is not None and cassette.knows(front.method, request.path, is_socket=is_socket)
        if cassette is not None and (is_known or recorder is None):
            if self._repeats and not is_known:
                cassette.rewind()
            return (
                cassette.open(request.path) if is_socket else cassette.request(front.method, request.path, front.body)
            )
        assert recorder is not None
        if is_socket:
            return await recorder.open(request.path, request.headers)
        return await recorder.request(front.method, request.path, request.headers, front.body)

    async def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        front = cast("FrontConnection", connection)
        what = await self._what(front, request)
        if isinstance(what, CassetteAnswer):
            return http_response(what.status, what.body, content_type=what.content_type)
        front.what = what
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        front = cast("FrontConnection", connection)
        if isinstance(front.what, UpstreamSocket):
            await front.what.relay(front)
        elif self.cassette is not None:
            await _Playing(self.cassette, front.what, front, patience_s=self._patience_s).run()


class _Playing:
    """Plays one connection to one client."""

    def __init__(
        self, cassette: Cassette, player: ConnectionPlayer, socket: ServerConnection, *, patience_s: float | None
    ) -> None:
        self._cassette = cassette
        self._player = player
        self._socket = socket
        self._patience_s = patience_s

    async def run(self) -> None:
        """Play until the client has gone, or is refused."""
        try:
            await self._to_the_end()
        except ConnectionClosed:
            # What it sent before it went still counts.
            with suppress(ConnectionClosed):
                while True:
                    self._player.receive(await self._socket.recv())
        if self._player.fault is not None:
            fault = self._cassette.mismatch(self._player)
            with suppress(ConnectionClosed):
                await _refuse(self._socket, fault)

    async def _to_the_end(self) -> None:
        while self._player.fault is None:
            for due in self._player.take_due():
                if due.pause_s > 0:
                    await asyncio.sleep(due.pause_s)
                await _send(self._socket, due.what)
            waits = self._player.next_message is not None
            try:
                async with asyncio.timeout(self._patience_s if waits else None):
                    message = await self._socket.recv()
            except TimeoutError:
                assert self._patience_s is not None
                await _refuse(self._socket, self._cassette.silence(self._player, self._patience_s))
                return
            self._player.receive(message)


async def _send(socket: ServerConnection, step: Outgoing) -> None:
    if not isinstance(step, ClosedLine):
        await socket.send(step)
    else:
        await close_as(socket, step.code if step.by == "server" else _NO_CLOSE, step.reason)


async def _refuse(socket: ServerConnection, fault: str) -> None:
    """Tell the client why nothing more comes, and close."""
    error = {"type": "invalid_request_error", "code": "cassette_mismatch", "message": fault, "param": None}
    event = {"type": "error", "event_id": "event_cassette", "error": {**error, "event_id": None}}
    await socket.send(write_text(event).decode("utf-8"))
    await socket.close(_REFUSED, "this is not the recorded call")


def _subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((Subprotocol(name) for name in _SUBPROTOCOLS if name in offered), None)


def open_cassette(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    match: Match = "strict",
    ignore: Sequence[str] = (),
    record: RecordMode = "none",
    upstream: str | None = None,
    patience_s: float | None = _PATIENCE_S,
) -> CassetteServer:
    """A server for this cassette, which does not listen yet. `cassette_server` says what the arguments are; `name` is
    what faults call it.

    Raises:
        RecordingError: there is no such file and nothing is to be recorded, or it is no recording.
        ValueError: an argument is none that is known, or there is something to record and no `upstream`.
    """
    if record not in get_args(RecordMode):
        raise ValueError(f"record is one of {', '.join(get_args(RecordMode))}, not {record!r}")
    exists = Path(path).exists()
    if record == "none" and not exists:
        raise RecordingError(f"there is no cassette {os.fspath(path)}")
    cassette = None
    if exists and record != "all":
        cassette = Cassette(path, name=name, match=match, ignore=ignore, unix_now_s=unix_time())
    records = record in ("all", "new") or (record == "once" and not exists)
    if records and upstream is None:
        raise ValueError(
            "to record, the URL of a server is needed as `upstream`, as in wss://api.example.com/v1/realtime"
        )
    recorder = (
        CassetteRecorder(path, cast("str", upstream), name=name, extends=cassette is not None) if records else None
    )
    return CassetteServer(cassette=cassette, recorder=recorder, patience_s=patience_s)


@asynccontextmanager
async def cassette_server(
    path: str | os.PathLike[str],
    *,
    match: Match = "strict",
    ignore: Sequence[str] = (),
    record: RecordMode = "none",
    upstream: str | None = None,
    patience_s: float | None = _PATIENCE_S,
) -> AsyncGenerator[str, None]:
    """Play a recording as a server for a block; yields the URL for the client.

    It may have been recorded by a client or a server, of any of the families. What the server sent comes when what the
    client had sent before it has come again, without delay. The client's events must be those of the recording, but for
    the ids that it makes; audio may come in pieces of any length. `match` and `ignore` allow more: with "types", events
    of the same types; with "order", also others between them; `ignore` are fields, as `session.instructions`. A client
    that sends something else gets an `error` that says what, and close code 4000. So does one that sends nothing for
    `patience_s` seconds while the server waits for it; None: it may wait.

    With `record` and `upstream`, the URL of a server, the file is recorded: what the client sends is passed on to
    `upstream`, headers included, and secrets are kept out of the file (`duologue.recording.secrets`). After an
    exception of the block the file is as before, and what passed is in one of the same name with `.part` behind it.

    Raises:
        AssertionError: at the end of the block, if something did not fit, or recorded events did not come. An exception
            of the block gets a note instead.
        RecordingError: there is no such file and nothing is to be recorded, or it is no recording.
        ConnectFailed: `upstream` is no URL of a server.
        ValueError: an argument is not a known one.
    """
    server = open_cassette(path, match=match, ignore=ignore, record=record, upstream=upstream, patience_s=patience_s)
    try:
        async with server.listening():
            try:
                yield server.url
            except BaseException:
                server.fail()
                raise
    except Exception as fault:
        for words in server.state():
            fault.add_note(words)
        raise
    if faults := server.finish():
        raise AssertionError("\n".join(faults))
