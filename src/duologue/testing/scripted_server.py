"""A server that plays a script, to test how a client handles answers, faults and timeouts.

    server = ScriptedServer([Send(GREETING), Expect("response.create"), Send({...}), Drop()], [Send(GREETING)])
    async with converse(open_connection=server.connect) as conversation:      # in memory
    async with server.listening() as url, converse(url) as conversation:      # over a socket
    async with live(model="m", open_connection=server.open_live) as session:  # a Live session in memory

The first connection plays the first script, the second the next. When its script is over, a connection stays open and
only receives.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

import msgspec
from msgspec import Struct

from duologue.client.asyncio.connection import Connection
from duologue.errors import ConnectionClosed, ConnectionClosedError
from duologue.faults import FaultPlan, PlannedFault
from duologue.faults.transport import faulty_opening
from duologue.testing.script_log import ScriptLog
from duologue.transports import Transport, memory_pair

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from duologue.client.live.connection import LiveConnection
    from duologue.client.live.opening import LiveTarget

__all__ = [
    "GREETING",
    "LIVE_CLOSED",
    "LIVE_STARTED",
    "ClientEvent",
    "Close",
    "Drop",
    "Expect",
    "Frame",
    "ScriptStep",
    "ScriptedServer",
    "Send",
    "Stall",
    "Until",
]

_TIMEOUT_S: Final = 5.0
"""How long to wait for a client before the test fails."""

_ABNORMAL_CLOSURE: Final = 1006

_AUDIO: Final = frozenset(
    {"input_audio_buffer.append", "session.input_audio.append", "session.input_audio_buffer.append"}
)
"""Events that append audio: a client may send them at any time."""

ClientEvent: TypeAlias = dict[str, Any]
"""An event that a client sent, as JSON."""

Frame: TypeAlias = Mapping[str, Any] | str | bytes
"""What is sent: an event as JSON, with an added `event_id` if it has none, or a message, unchanged."""


class Send:
    """Send these frames. A function makes one from the client's events: a mapping of each type to its last event."""

    def __init__(self, *frames: Frame | Callable[[Mapping[str, ClientEvent]], Frame]) -> None:
        self.frames = frames


class Expect(Struct, frozen=True):
    """Wait for an event of this type. Appended audio before it is skipped; any other event is a fault."""

    type: str
    """The `type` that the client's next event must have."""


class Until(Struct, frozen=True):
    """Wait until the test sets this `asyncio.Event`."""

    event: asyncio.Event
    """Set by the test."""


class Close(Struct, frozen=True):
    """Close with a code."""

    code: int = 1000
    """Of the WebSocket's close."""
    reason: str = ""
    """As the client reads it."""


class Drop(Struct, frozen=True):
    """End the connection without a close frame."""


class Stall(Struct, frozen=True):
    """Stop reading and writing, and keep the connection open."""


ScriptStep: TypeAlias = Send | Expect | Until | Close | Drop | Stall
"""A step of a script."""

GREETING: Final[Frame] = {
    "type": "session.created",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "scripted"},
}
"""The first event of a session."""

LIVE_STARTED: Final[Frame] = {
    "type": "session.started",
    "session": {"id": "live_1", "model": "scripted", "status": "active", "expires_at": 4_000_000_000},
}
"""The answer to the `session.start` of a Live session: `[Expect("session.start"), Send(LIVE_STARTED)]`."""

LIVE_CLOSED: Final[Frame] = {"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 1}}
"""The end of a Live session: `[Expect("session.close"), Send(LIVE_CLOSED), Close()]`."""


class ScriptedServer:
    """Plays one script for each connection, in the order in which they are opened.

    `received` holds each client's events, as JSON; `faults` names those that the script does not expect.

    >>> import asyncio
    >>> from duologue import converse
    >>> from duologue.testing import GREETING, Expect, Send
    >>> async def main() -> None:
    ...     server = ScriptedServer([Send(GREETING), Expect("conversation.item.create")])
    ...     async with converse(open_connection=server.connect) as conversation:
    ...         await conversation.send_text("Are you there?")
    ...         await server.played(0)
    ...     server.assert_played()
    ...     print([event["type"] for event in server.received[0]])
    >>> asyncio.run(main())
    ['conversation.item.create']
    """

    def __init__(
        self,
        *scripts: Sequence[ScriptStep],
        faults: FaultPlan | str | PlannedFault | Iterable[str | PlannedFault] = (),
        seed: int = 0,
    ) -> None:
        """`faults` come to its connections on their way: see `duologue.faults`. Those of bytes alone need `listening`.

        Raises ValueError where a text is no fault.
        """
        self.plan: FaultPlan = faults if isinstance(faults, FaultPlan) else FaultPlan(faults, seed=seed)
        """The faults on the way, and which of them came."""
        self.received: list[list[ClientEvent]] = []
        self.faults: list[str] = []
        self.closed_with: list[int | None] = []
        """The code with which each connection ended; None while it is open."""
        self.targets: list[LiveTarget] = []
        """What each connection of Live was opened for."""
        self._scripts = scripts
        self._log = ScriptLog()
        self._at_step = [-1] * len(scripts)
        self._ids = 0
        self._played = [asyncio.Event() for _ in scripts]
        self._changed = asyncio.Condition()

    # --- connecting

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection, None]:
        """A connection in memory, for `converse(open_connection=…)`."""
        from duologue.client.asyncio.connect import connect

        async with self._opened() as near, connect(transport=near) as connection:
            yield connection

    @asynccontextmanager
    async def open_live(self, target: LiveTarget) -> AsyncGenerator[LiveConnection, None]:
        """A connection of Live in memory, for `live(open_connection=…)`; `targets` says what each was opened for."""
        from duologue.client.live.connection import LiveConnection

        self.targets.append(target)
        async with self._opened() as near:
            connection = LiveConnection(near, dialect=target.dialect)
            try:
                yield connection
            finally:
                await connection.close()

    def _opened(self) -> AbstractAsyncContextManager[Transport]:
        """A connection in memory, with the faults."""
        return faulty_opening(self.plan, self._playing) if self.plan.faults else self._playing()

    @asynccontextmanager
    async def _playing(self) -> AsyncGenerator[Transport, None]:
        """The client's end of a connection in memory, whose script is played."""
        near, far = memory_pair()
        server_end = _MemoryConnection(far)
        playing = asyncio.ensure_future(self._play(server_end))  # noqa: TID251 - awaited below
        try:
            yield near
        finally:
            await far.close()
            server_end.ended.set()
            await asyncio.wait([playing], timeout=_TIMEOUT_S)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[str, None]:
        """Listen on a port of the loopback interface for a block; yields the URL, which is that of a proxy if there are
        faults."""
        if not self.plan.faults:
            async with self._listening() as url:
                yield url
            return
        from duologue.faults.proxy import chaos_proxy

        async with self._listening() as url, chaos_proxy(url, self.plan) as proxy_url:
            yield proxy_url

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[str, None]:
        from websockets.asyncio.server import serve

        ended = asyncio.Event()

        async def handle(socket: ServerConnection) -> None:
            await self._play(_SocketConnection(socket, ended))

        async with serve(handle, "127.0.0.1", 0, max_size=None, close_timeout=0.2) as server:
            try:
                yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            finally:
                ended.set()

    # --- waiting

    async def played(self, connection: int = 0) -> None:
        """Wait until the script of a connection is over. Raises TimeoutError after 5 s."""
        async with asyncio.timeout(_TIMEOUT_S):
            await self._played[connection].wait()

    async def closed(self, connection: int = 0) -> int:
        """Wait until a connection has ended; returns its close code. Raises TimeoutError after 5 s."""
        async with asyncio.timeout(_TIMEOUT_S), self._changed:
            while connection >= len(self.closed_with) or (code := self.closed_with[connection]) is None:
                await self._changed.wait()
            return code

    async def wait_for(self, type_name: str, *, connection: int = 0) -> ClientEvent:
        """The first event of this type that a connection's client sends. Raises TimeoutError after 5 s."""
        async with asyncio.timeout(_TIMEOUT_S), self._changed:
            while True:
                for event in self.received[connection] if connection < len(self.received) else ():
                    if event.get("type") == type_name:
                        return event
                await self._changed.wait()

    def types(self, connection: int = 0) -> list[str]:
        """Types of all events that a connection's client has sent, without appended audio."""
        types = [str(event.get("type")) for event in self.received[connection]]
        return [name for name in types if name not in _AUDIO]

    # --- judging

    def problems(self) -> list[str]:
        """Whatever the scripts did not expect, and what they expected that did not come; empty: all went by script."""
        return self.faults + [problem for index in range(len(self._scripts)) if (problem := self._unplayed(index))]

    def timeline(self) -> str:
        """What passed on all connections, a line for each message: → is the client's."""
        return self._log.timeline()

    def assert_played(self) -> None:
        """Every client did what its script expects, and every script was played to its end. Raises AssertionError."""
        __tracebackhide__ = True
        if problems := self.problems():
            raise AssertionError("\n".join([*problems, "what passed:", self.timeline()]))

    def _unplayed(self, index: int) -> str | None:
        script, at = self._scripts[index], self._at_step[index]
        if self._played[index].is_set() or not script:
            return None
        if at < 0:
            return f"connection {index} was never opened, and there is a script for it"
        step = script[at]
        waits = f": it expected {step.type}" if isinstance(step, Expect) else f", {type(step).__name__}"
        return f"connection {index} came to step {at + 1} of {len(script)}{waits}"

    # --- playing

    async def _play(self, connection: _Connection) -> None:
        index = len(self.received)
        self.received.append([])
        self.closed_with.append(None)
        script = self._scripts[index] if index < len(self._scripts) else ()
        if not script:
            self.faults.append(f"there is no script for connection {index}")
        last: dict[str, ClientEvent] = {}
        try:
            for number, step in enumerate(script):
                self._at_step[index] = number
                await self._step(step, connection, index, last)
            if script:
                self._played[index].set()
            while True:
                await self._receive(connection, index, last)
        except ConnectionClosed as closed:
            async with self._changed:
                self.closed_with[index] = closed.code
                self._log.noted(index, f"closed with {closed.code}")
                self._changed.notify_all()

    async def _step(
        self,
        step: ScriptStep,
        connection: _Connection,
        index: int,
        last: dict[str, ClientEvent],
    ) -> None:
        match step:
            case Send(frames=frames):
                for frame in frames:
                    made = frame(last) if callable(frame) else frame
                    await connection.send(self._text(made))
                    self._log.sent(index, made)
            case Expect(type=wanted):
                while (received := await self._receive(connection, index, last)) != wanted:
                    if received not in _AUDIO:
                        self.faults.append(f"connection {index}: {wanted} was expected, and {received} came")
                        break
            case Until(event=event):
                await event.wait()
            case Close(code=code, reason=reason):
                self._played[index].set()
                await connection.close(code, reason)
            case Drop():
                self._played[index].set()
                self._log.noted(index, "dropped")
                await connection.drop()
            case Stall():
                self._played[index].set()
                self._log.noted(index, "stalled")
                await connection.stall()
            case _:
                assert_never(step)

    async def _receive(self, connection: _Connection, index: int, last: dict[str, ClientEvent]) -> str:
        event: ClientEvent = msgspec.json.decode(await connection.receive())
        name = str(event.get("type"))
        last[name] = event
        self._log.received(index, event)
        async with self._changed:
            self.received[index].append(event)
            self._changed.notify_all()
        return name

    def _text(self, frame: Frame) -> str | bytes:
        if isinstance(frame, str | bytes):
            return frame
        self._ids += 1
        return msgspec.json.encode({"event_id": f"event_{self._ids}", **frame}).decode("utf-8")


class _MemoryConnection:
    """The server's end of a memory pair."""

    def __init__(self, transport: Transport) -> None:
        self.ended = asyncio.Event()
        self.send = transport.send
        self.receive = transport.receive
        self.close = transport.close

    async def drop(self) -> None:
        """End without a close frame."""
        await self.close(_ABNORMAL_CLOSURE, "the connection broke off")

    async def stall(self) -> None:
        """Do nothing until `connect` ends."""
        await self.ended.wait()


class _SocketConnection:
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
        """Read nothing, not even pings, until `listening` ends."""
        self._socket.transport.pause_reading()
        await self._ended.wait()

    def _fault(self) -> ConnectionClosedError:
        code = self._socket.close_code
        return ConnectionClosedError(_ABNORMAL_CLOSURE if code is None else code, self._socket.close_reason or "")


_Connection: TypeAlias = _MemoryConnection | _SocketConnection
