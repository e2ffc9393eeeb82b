"""A caller of a real session with scripted engines, in memory and in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from duologue.clock import loop_time
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed
from duologue.server import Limits, ServerSession
from duologue.testing import CountedIds, scripted_engines
from duologue.testing.virtual_time import run_in_virtual_time
from duologue.transports import Transport
from duologue.transports.webrtc.call import CallTransport
from duologue.transports.webrtc.memory import MemoryPeer, memory_peers
from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings

__all__ = ["LONG_S", "LOUD", "QUIET", "SENTENCE", "Caller", "calling", "close_of", "in_virtual_time", "next_of"]

LOUD = b"\x00\x40" * (FRAME_BYTES // 2)
QUIET = bytes(FRAME_BYTES)

SENTENCE = "This takes some seconds to say."
LONG_S = 60 * len(SENTENCE) / 1000
"""That the scripted synthesizer takes for it."""

T = TypeVar("T")


class Caller:
    """The caller's end: it hears everything at once, and remembers when what came."""

    def __init__(self, peer: MemoryPeer, call: CallTransport, session: ServerSession) -> None:
        self.peer = peer
        self.call = call
        self.session = session
        self.events: list[dict[str, Any]] = []
        self.came_at: list[float] = []
        self.heard_at: list[float] = []
        """Of each frame that is not silent."""
        self.n_silent = 0
        self.closed: int | None = None
        self._news = asyncio.Event()
        self._seen = 0

    # --- what it does

    async def send(self, type: str, **fields: Any) -> None:
        await self.peer.send(msgspec.json.encode({"type": type, **fields}).decode())

    async def update(self, **session: Any) -> None:
        await self.send("session.update", session={"type": "realtime"} | session)
        await self.until("session.updated")

    async def sound(self, ms: int, frame: bytes = LOUD) -> None:
        """Make so much sound, at the speed of sound."""
        for _ in range(ms // 20):
            self.peer.play(frame)
            await asyncio.sleep(0.02)

    async def says(self, ms: int = 400) -> None:
        """Speak, and be silent until the turn is over."""
        await self.sound(ms)
        await self.sound(600, QUIET)

    # --- what comes

    async def until(self, type: str) -> dict[str, Any]:
        """The next event of this type, which may have come already. Later calls look behind it."""
        async with asyncio.timeout(300):
            while True:
                for place in range(self._seen, len(self.events)):
                    if self.events[place]["type"] == type:
                        self._seen = place + 1
                        return self.events[place]
                if self.closed is not None:
                    raise AssertionError(f"closed before {type}: {self.types()}")
                self._news.clear()
                await self._news.wait()

    def types(self, prefix: str = "") -> list[str]:
        """Types of all events whose names begin like this."""
        return [event["type"] for event in self.events if event["type"].startswith(prefix)]

    def of(self, type: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == type]

    async def ended(self) -> int:
        """The code of the end, behind all events."""
        async with asyncio.timeout(300):
            while self.closed is None:
                self._news.clear()
                await self._news.wait()
        return self.closed

    async def read(self) -> None:
        try:
            while True:
                event = msgspec.json.decode(await self.peer.receive())
                self.events.append(event)
                self.came_at.append(loop_time())
                self._news.set()
        except ConnectionClosed as end:
            self.closed = end.code
            self._news.set()

    async def hear(self) -> None:
        try:
            while True:
                if any(await self.peer.hear()):
                    self.heard_at.append(loop_time())
                else:
                    self.n_silent += 1
        except ConnectionClosed:
            return


class _Wrapped:
    """A call as a session sees it that is recorded: messages, and nothing else."""

    def __init__(self, call: CallTransport) -> None:
        self.send, self.receive, self.close = call.send, call.receive, call.close


@asynccontextmanager
async def calling(
    engines: Engines | None = None,
    *,
    limits: Limits | None = None,
    max_message_bytes: int = 262_144,
    settings: PeerSettings | None = None,
    takes_sound: bool = True,
) -> AsyncGenerator[Caller]:
    """A call that is connected; its end and that of the session are waited for. Without `takes_sound`, the session gets
    the caller's sound as messages alone, as one that is recorded."""
    peer, server_peer = await memory_peers(max_message_bytes=max_message_bytes, settings=settings)
    call = CallTransport(server_peer, call_id="rtc_1", new_id=CountedIds())
    session = ServerSession(call if takes_sound else _Wrapped(call), engines or scripted_engines(), limits=limits)
    call.on_playback, session.speech_room = session.playback_changed, call.speech_room
    caller = Caller(peer, call, session)
    async with asyncio.timeout(3000), asyncio.TaskGroup() as tasks:
        serving = (tasks.create_task(call.run()), tasks.create_task(session.run()))
        following = (tasks.create_task(caller.read()), tasks.create_task(caller.hear()))
        await caller.until("session.created")
        yield caller
        await peer.close()
        await asyncio.wait((*serving, *following))


def in_virtual_time(conversation: Callable[[], Awaitable[T]]) -> T:
    """Run it with a clock that jumps to what is next."""

    async def main() -> T:
        return await conversation()

    return run_in_virtual_time(main())


async def next_of(end: Transport, type: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            event: dict[str, Any] = msgspec.json.decode(await end.receive())
            if event["type"] == type:
                return event


async def close_of(end: Transport) -> int:
    async with asyncio.timeout(60):
        try:
            while True:
                await end.receive()
        except ConnectionClosed as closed:
            return closed.code
