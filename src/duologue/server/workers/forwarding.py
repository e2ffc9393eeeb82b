"""Requests for a call or a Live session that another worker has: they are served there.

A connection is accepted before it says what it wants, so it may be in any worker. Ids name the worker that has the
call, so no table is needed. The connection stays where it is, with its TLS, its deadlines and its limits, which cannot
move to another process; its ASGI messages go there and back over a stream that the parent passes on. Speech of calls
over WebRTC has connections of its own: what is forwarded are sidebands, hang-ups and forks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final

from duologue.codec.jsontext import write_text
from duologue.server.app import RealtimeApp
from duologue.server.descriptors import descriptors_left, reserved_descriptors
from duologue.server.http.auth import query
from duologue.server.http.paths import AZURE, CALLS_PATH, LIVE_PATH, PATHS, path_of
from duologue.server.ids import worker_of
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event
from duologue.server.workers.asgi_stream import AsgiStream
from duologue.server.workers.passed_streams import pass_stream, take_stream
from duologue.tracebacks import drop_traceback
from duologue.transports.asgi import OFFER, ASGIReceive, ASGISend, Scope

__all__ = ["Forwarding", "worker_wanted"]

_BELOW: Final = re.compile(rf"(?:{AZURE})?(?:{CALLS_PATH}|{LIVE_PATH})/([^/]{{1,128}})/[a-z]+")
"""Paths of what is done to one call or session."""

_TAKEN: Final = {"type": "taken"}

_TAKEN_S: Final = 5.0
"""Until the other worker says that it serves the connection. It takes a millisecond, and more where all cores work."""

_MAX_TAKEN: Final = 16
"""Streams in one iteration of the event loop."""

_RESTARTS: Final = 1012
"""The service restarts: https://www.iana.org/assignments/websocket, close codes."""


def worker_wanted(scope: Scope) -> int | None:
    """The number of the worker that has what this connection wants; None: any."""
    if scope["type"] not in ("http", "websocket"):
        return None
    path = path_of(scope)
    if scope["type"] == "websocket" and path in PATHS:
        return worker_of(query(scope).get("call_id", [""])[-1])
    found = _BELOW.fullmatch(path)
    return worker_of(found[1]) if found is not None else None


class Forwarding:
    """An ASGI application in front of a worker's own. `close` it at the end."""

    def __init__(self, application: RealtimeApp, way: socket.socket, *, number: int) -> None:
        """`way` leads to the parent, and over it to the other workers; `number` is this worker's."""
        self._application = application
        self._way = way
        self._number = number
        self._tasks: set[asyncio.Task[None]] = set()
        asyncio.get_running_loop().add_reader(way.fileno(), self._take)

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        number = worker_wanted(scope)
        if number is None or number == self._number or not await self._forward(number, scope, receive, send):
            await self._application(scope, receive, send)  # which says that there is no such call, if it has none

    async def close(self) -> None:
        """Take no more streams, and end those that are served."""
        asyncio.get_running_loop().remove_reader(self._way.fileno())
        self._way.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- of a connection that is here

    async def _forward(self, number: int, scope: Scope, receive: ASGIReceive, send: ASGISend) -> bool:
        """Have another worker serve a connection. Whether one has: without, nothing was sent or received."""
        stream = await self._stream_to(number)
        if stream is None:
            return False
        try:
            if not await _is_taken(stream, scope):
                return False
            forwarded = _Forwarded(stream, receive, send, is_socket=scope["type"] == "websocket")
            # Not counted as a session here: strangers without a key are forwarded too.
            with self._application.open_sessions.beside(forwarded):
                await forwarded.run()
        finally:
            stream.close()
        return True

    async def _stream_to(self, number: int) -> AsgiStream | None:
        if descriptors_left() <= reserved_descriptors():
            return None
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                pass_stream(self._way, number, theirs.fileno())
            return await AsgiStream.of(ours)
        except OSError:
            ours.close()
            return None

    # --- of a connection that is in another worker

    def _take(self) -> None:
        for _ in range(_MAX_TAKEN):
            try:
                taken = take_stream(self._way)
            except OSError:
                return
            if taken is None:
                continue
            if descriptors_left() <= reserved_descriptors():
                os.close(taken[1])  # the other worker says that there is no such call
                continue
            task = asyncio.get_running_loop().create_task(self._serve(socket.socket(fileno=taken[1])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, end: socket.socket) -> None:
        end.setblocking(False)
        try:
            stream = await AsgiStream.of(end)
        except OSError:
            end.close()
            return
        try:
            async with asyncio.timeout(_TAKEN_S):
                scope = await stream.receive_scope()
            if scope is None:
                return
            await stream.send(_TAKEN)
            await self._application(scope, _receiver(stream, scope["type"]), _sender(stream))
        except (OSError, TimeoutError):
            return  # the client, or the worker that has its connection, is gone
        except Exception as fault:
            log_event(logging.ERROR, "forwarded connection broke", fault=fault)
            drop_traceback(fault)
        finally:
            stream.close()


async def _is_taken(stream: AsgiStream, scope: Scope) -> bool:
    """Whether the worker at the other end serves the connection."""
    try:
        async with asyncio.timeout(_TAKEN_S):
            await stream.send_scope(scope)
            return await stream.receive() == _TAKEN
    except (OSError, TimeoutError):
        return False


class _Forwarded:
    """A connection here that another worker serves: passes messages until it has ended."""

    def __init__(self, stream: AsgiStream, receive: ASGIReceive, send: ASGISend, *, is_socket: bool) -> None:
        self._stream = stream
        self._receive = receive
        self._send = send
        self._is_socket = is_socket
        self._ended = False
        """Whether nothing may be sent to the client any more."""
        self._answered = False
        """Whether something was sent to the client."""
        self._passing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until the connection ends."""
        asking = asyncio.ensure_future(self._pass_on())  # noqa: TID251 - cancelled below
        self._passing = asyncio.ensure_future(self._pass_back())  # noqa: TID251 - cancelled below
        try:
            await asyncio.wait({self._passing})
        finally:
            for task in (asking, self._passing):
                task.cancel()
            await asyncio.wait({asking, self._passing})
        if not self._ended:
            with suppress(OSError, RuntimeError):
                await self._say_that_it_ended()

    async def _say_that_it_ended(self) -> None:
        """Tell the client that the other worker has died, or that this one ends."""
        if self._is_socket:
            await self._send({"type": "websocket.close", "code": _RESTARTS, "reason": "the server restarts"})
        elif not self._answered:
            rejection = Rejection("draining")
            headers = [(b"content-type", b"application/json"), (b"retry-after", b"5")]
            await self._send({"type": "http.response.start", "status": rejection.http_status, "headers": headers})
            await self._send({"type": "http.response.body", "body": write_text(rejection.body())})

    def drain(self) -> None:
        """End now: what this connection belongs to goes on, and may be joined again."""
        self.stop()

    def stop(self) -> None:
        """End now."""
        if self._passing is not None:
            self._passing.cancel()

    async def _pass_on(self) -> None:
        with suppress(OSError):
            while True:
                message = await self._receive()
                await self._stream.send(message)
                if message["type"].endswith(".disconnect"):
                    self._ended = True
                    return

    async def _pass_back(self) -> None:
        with suppress(OSError, RuntimeError):  # the client is gone
            while (message := await self._stream.receive()) is not None:
                self._answered = True
                self._ended = self._ended or message["type"] == "websocket.close" or _is_last(message)
                await self._send(message)


def _is_last(message: MutableMapping[str, Any]) -> bool:
    """Whether this ends the refusal of a handshake."""
    return message["type"] == "websocket.http.response.body" and not message.get("more_body", False)


def _receiver(stream: AsgiStream, kind: str) -> ASGIReceive:
    async def receive() -> MutableMapping[str, Any]:
        message = await stream.receive()
        return message if message is not None else {"type": f"{kind}.disconnect", "code": 1006}

    return receive


def _sender(stream: AsgiStream) -> ASGISend:
    async def send(message: MutableMapping[str, Any]) -> None:
        # The extension is an offer of a method of this process; without it, messages come by `receive`.
        if message["type"] != OFFER:
            await stream.send(message)

    return send
