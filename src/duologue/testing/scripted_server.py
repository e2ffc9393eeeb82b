"""A server that plays a script: for tests of what a client makes of answers, faults and silence.

    server = ScriptedServer([Send(GREETING), Expect("response.create"), Send({...}), Drop()], [Send(GREETING)])
    async with converse(open_connection=server.connect) as conversation:      # in memory
    async with server.listening() as url, converse(url) as conversation:      # over a socket

The first connection plays the first script, the second the next. When its script is over, a connection stays open and
only listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

import msgspec
from msgspec import Struct

from duologue.client.asyncio.connection import Connection
from duologue.errors import ConnectionClosed, ConnectionClosedError
from duologue.transports import Transport, memory_pair

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

__all__ = [
    "GREETING",
    "Close",
    "Drop",
    "Expect",
    "Frame",
    "Heard",
    "ScriptStep",
    "ScriptedServer",
    "Send",
    "Stall",
    "Until",
]

_PATIENCE_S: Final = 5.0
"""A client that has not done by then what it must is not going to."""

_ABNORMAL_CLOSURE: Final = 1006

Heard: TypeAlias = dict[str, Any]
"""A client's event, as JSON."""

Frame: TypeAlias = Mapping[str, Any] | str | bytes
"""What is sent: an event as JSON, which gets an event id if it has none, or a message as it is."""


class Send:
    """Send these frames; a function makes one from what was heard: by type, the last of each."""

    def __init__(self, *frames: Frame | Callable[[Mapping[str, Heard]], Frame]) -> None:
        self.frames = frames


class Expect(Struct, frozen=True):
    """Wait for an event of this type; appended audio before it is passed over, any other event is a fault."""

    type: str


class Until(Struct, frozen=True):
    """Wait for the test: for an event that it sets."""

    event: asyncio.Event


class Close(Struct, frozen=True):
    """Close as a server does, with a code."""

    code: int = 1000
    reason: str = ""


class Drop(Struct, frozen=True):
    """Break the connection off, without a closing frame."""


class Stall(Struct, frozen=True):
    """Neither read nor write any more, and keep the connection open."""


ScriptStep: TypeAlias = Send | Expect | Until | Close | Drop | Stall

GREETING: Final[Frame] = {
    "type": "session.created",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "scripted"},
}
"""What a server says first."""


class ScriptedServer:
    """Plays one script for each connection, in the order in which they come.

    `heard` holds what each connection's client sent, as JSON; `faults` what it did that the script does not have.
    """

    def __init__(self, *scripts: Sequence[ScriptStep]) -> None:
        self.heard: list[list[Heard]] = []
        self.faults: list[str] = []
        self.closed_with: list[int | None] = []
        """The code with which each connection ended; None while it is open."""
        self._scripts = scripts
        self._ids = 0
        self._played = [asyncio.Event() for _ in scripts]
        self._changed = asyncio.Condition()

    # --- ways to it

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection, None]:
        """A connection in memory; for `converse(open_connection=…)`."""
        from duologue.client.asyncio.connect import connect

        near, far = memory_pair()
        line = _InMemory(far)
        playing = asyncio.ensure_future(self._play(line))  # noqa: TID251 - awaited below
        try:
            async with connect(transport=near) as connection:
                yield connection
        finally:
            await far.close()
            line.ended.set()
            await asyncio.wait([playing], timeout=_PATIENCE_S)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[str, None]:
        """The URL of a socket on this machine, for the length of a block."""
        from websockets.asyncio.server import serve

        ended = asyncio.Event()

        async def handle(socket: ServerConnection) -> None:
            await self._play(_OnSocket(socket, ended))

        async with serve(handle, "127.0.0.1", 0, max_size=None, close_timeout=0.2) as server:
            try:
                yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            finally:
                ended.set()

    # --- what a test asks of it

    async def played(self, connection: int = 0) -> None:
        """Wait until a connection's script has been played to its end. Raises TimeoutError after five seconds."""
        async with asyncio.timeout(_PATIENCE_S):
            await self._played[connection].wait()

    async def closed(self, connection: int = 0) -> int:
        """Wait until a connection has ended; returns its code. Raises TimeoutError after five seconds."""
        async with asyncio.timeout(_PATIENCE_S), self._changed:
            while connection >= len(self.closed_with) or (code := self.closed_with[connection]) is None:
                await self._changed.wait()
            return code

    async def hears(self, type_name: str, *, connection: int = 0) -> Heard:
        """The first event of this type that a connection's client sends. Raises TimeoutError after five seconds."""
        async with asyncio.timeout(_PATIENCE_S), self._changed:
            while True:
                for event in self.heard[connection] if connection < len(self.heard) else ():
                    if event.get("type") == type_name:
                        return event
                await self._changed.wait()

    def types(self, connection: int = 0) -> list[str]:
        """Types of all events that a connection's client has sent, appended audio left out."""
        types = [str(event.get("type")) for event in self.heard[connection]]
        return [name for name in types if name != "input_audio_buffer.append"]

    # --- playing

    async def _play(self, line: _InMemory | _OnSocket) -> None:
        index = len(self.heard)
        self.heard.append([])
        self.closed_with.append(None)
        script = self._scripts[index] if index < len(self._scripts) else ()
        if not script:
            self.faults.append(f"there is no script for connection {index}")
        last: dict[str, Heard] = {}
        try:
            for step in script:
                await self._step(step, line, index, last)
            if script:
                self._played[index].set()
            while True:
                await self._hear(line, index, last)
        except ConnectionClosed as closed:
            async with self._changed:
                self.closed_with[index] = closed.code
                self._changed.notify_all()

    async def _step(self, step: ScriptStep, line: _InMemory | _OnSocket, index: int, last: dict[str, Heard]) -> None:
        match step:
            case Send(frames=frames):
                for frame in frames:
                    await line.send(self._text(frame(last) if callable(frame) else frame))
            case Expect(type=wanted):
                while (heard := await self._hear(line, index, last)) != wanted:
                    if heard != "input_audio_buffer.append":
                        self.faults.append(f"connection {index}: {wanted} was expected, and {heard} came")
                        break
            case Until(event=event):
                await event.wait()
            case Close(code=code, reason=reason):
                self._played[index].set()
                await line.close(code, reason)
            case Drop():
                self._played[index].set()
                await line.drop()
            case Stall():
                self._played[index].set()
                await line.stall()
            case _:
                assert_never(step)

    async def _hear(self, line: _InMemory | _OnSocket, index: int, last: dict[str, Heard]) -> str:
        event: Heard = msgspec.json.decode(await line.receive())
        name = str(event.get("type"))
        last[name] = event
        async with self._changed:
            self.heard[index].append(event)
            self._changed.notify_all()
        return name

    def _text(self, frame: Frame) -> str | bytes:
        if isinstance(frame, str | bytes):
            return frame
        self._ids += 1
        return msgspec.json.encode({"event_id": f"event_{self._ids}", **frame}).decode("utf-8")


class _InMemory:
    """The server's end of a memory pair."""

    def __init__(self, transport: Transport) -> None:
        self.ended = asyncio.Event()
        self.send = transport.send
        self.receive = transport.receive
        self.close = transport.close

    async def drop(self) -> None:
        """End without a code."""
        await self.close(_ABNORMAL_CLOSURE, "the connection broke off")

    async def stall(self) -> None:
        """Do nothing until the connection is to end."""
        await self.ended.wait()


class _OnSocket:
    """The server's end of a WebSocket."""

    def __init__(self, socket: ServerConnection, ended: asyncio.Event) -> None:
        self._socket = socket
        self._ended = ended

    async def send(self, message: str | bytes) -> None:
        """Send a message. Raises ConnectionClosed."""
        from websockets.exceptions import ConnectionClosed as WebSocketClosed

        try:
            await self._socket.send(message)
        except WebSocketClosed as fault:
            raise self._fault() from fault

    async def receive(self) -> str | bytes:
        """The next message. Raises ConnectionClosed."""
        from websockets.exceptions import ConnectionClosed as WebSocketClosed

        try:
            return await self._socket.recv()
        except WebSocketClosed as fault:
            raise self._fault() from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a code."""
        await self._socket.close(code, reason)

    async def drop(self) -> None:
        """Reset the TCP connection."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def stall(self) -> None:
        """Read nothing, not even pings, until the server is to end."""
        self._socket.transport.pause_reading()
        await self._ended.wait()

    def _fault(self) -> ConnectionClosedError:
        code = self._socket.close_code
        return ConnectionClosedError(_ABNORMAL_CLOSURE if code is None else code, self._socket.close_reason or "")
