"""A Live session in memory, and a caller who talks to it at the pace of the loop's time."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed
from duologue.protocol import SessionDefaults
from duologue.server import Limits, LiveRequest
from duologue.server.budget import Budget
from duologue.server.live.live_sessions import LiveSessions
from duologue.server.live.session import LiveServerSession
from duologue.server.telemetry.observer import Observer, Observers
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests.server._engines import LOUD, QUIET

__all__ = ["Caller", "Stage", "staged", "words"]

PIECE_MS = 100


class Caller:
    """One client's connection. Keeps every event, with the loop's time at which it came."""

    def __init__(self, transport: MemoryTransport, serving: asyncio.Future[None], *, reads: bool = True) -> None:
        self.transport = transport
        self.serving = serving
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.spoken_ms = 0
        self.closed: tuple[int, str] | None = None
        self._came = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read()) if reads else None

    async def _read(self) -> None:
        try:
            while True:
                self.events.append(json.loads(await self.transport.receive()))
                self.times.append(asyncio.get_running_loop().time())
                self._came.set()
        except ConnectionClosed as closed:
            self.closed = (closed.code, closed.reason)
            self._came.set()

    async def send(self, name: str, **fields: Any) -> None:
        """A command."""
        await self.transport.send(json.dumps({"type": name, **fields}))

    async def start(self, **session: Any) -> dict[str, Any]:
        """The session, as it was started."""
        await self.send("session.start", session={"model": "gpt-live-1", **session})
        started: dict[str, Any] = (await self.until("session.started"))["session"]
        return started

    async def speak(self, ms: int, sound: bytes = LOUD) -> None:
        """So much of this sound, as a microphone sends it."""
        for _ in range(ms // PIECE_MS):
            await self.pieces(sound * PIECE_MS)

    async def pieces(self, *pieces: bytes) -> None:
        """These pieces of 100 ms."""
        for piece in pieces:
            await self.send("session.input_audio.append", audio=base64.b64encode(piece).decode())
            self.spoken_ms += PIECE_MS
            await asyncio.sleep(PIECE_MS / 1000)

    async def listen(self, ms: int) -> None:
        """So much silence."""
        await self.speak(ms, QUIET)

    async def until(self, name: str, *, count: int = 1) -> dict[str, Any]:
        """The event of this type, or so many of them; without more input."""
        async with asyncio.timeout(40):
            while len(found := self.all(name)) < count:
                assert self.closed is None, (self.closed, self.names())
                self._came.clear()
                await self._came.wait()
        return found[count - 1]

    async def listen_until(self, name: str, *, count: int = 1, within_ms: int = 20_000) -> dict[str, Any]:
        """The same, while silence is sent."""
        for _ in range(within_ms // PIECE_MS):
            if len(found := self.all(name)) >= count:
                return found[count - 1]
            await self.listen(PIECE_MS)
        raise AssertionError(f"no {name} within {within_ms} ms; came: {self.names()}")

    async def gone(self) -> tuple[int, str]:
        """Code and reason of the close."""
        async with asyncio.timeout(40):
            while self.closed is None:
                self._came.clear()
                await self._came.wait()
        return self.closed

    async def left(self) -> None:
        """Close, and wait until both sides are done."""
        await self.transport.close()
        done, _ = await asyncio.wait({self.serving}, timeout=40)
        assert done, "a session does not end"
        if self._reading is not None:
            await self._reading
        if not self.serving.cancelled():
            self.serving.result()

    def forget_audio(self) -> None:
        """Keep the other events only."""
        self.events = [event for event in self.events if event["type"] != "session.output_audio.delta"]

    def all(self, name: str) -> list[dict[str, Any]]:
        """Every event of this type, so far."""
        return [event for event in self.events if event["type"] == name]

    def names(self) -> Counter[str]:
        """How often each type came."""
        return Counter(event["type"] for event in self.events)

    @property
    def heard(self) -> bytes:
        """All output audio."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.all("session.output_audio.delta"))

    def said(self, who: str = "output") -> str:
        """The whole transcript of the assistant, or of the user ("input")."""
        return "".join(event["delta"] for event in self.all(f"session.{who}_transcript.delta"))


class Stage:
    """A server's Live sessions, without the server."""

    def __init__(
        self,
        engines: Engines | None = None,
        *,
        limits: Limits | None = None,
        defaults: SessionDefaults | None = None,
        models: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        self.engines = engines or scripted_engines()
        self.budget = Budget(max_bytes=500_000_000, max_owner_bytes=500_000_000)
        self.sessions = LiveSessions(
            defaults=defaults or SessionDefaults(),
            limits=limits or Limits(),
            budget=self.budget,
            models=models,
        )
        self.served: list[Any] = []
        self._observer = Observers(observers)
        self._callers: list[Caller] = []

    def call(self, wanted: LiveRequest | None = None, *, owner: str = "key 1", reads: bool = True) -> Caller:
        """A new connection, of a client that reads or does not. Raises Rejection."""
        ours, theirs = memory_pair(capacity=4096 if reads else 8)
        served = self.sessions.serve(
            wanted or LiveRequest(), theirs, owner=owner, engines=self.engines, observer=self._observer
        )
        self.served.append(served)
        caller = Caller(ours, asyncio.ensure_future(served.run()), reads=reads)
        self._callers.append(caller)
        return caller

    @property
    def session(self) -> LiveServerSession:
        """The first session."""
        first = self.served[0]
        assert isinstance(first, LiveServerSession)
        return first

    async def end(self) -> None:
        """Every client leaves, and every session ends and gives its memory back."""
        for caller in self._callers:
            await caller.left()


@asynccontextmanager
async def staged(engines: Engines | None = None, **settings: Any) -> AsyncGenerator[Stage]:
    """Sessions that must be gone at the end of the block, with every task."""
    before = asyncio.all_tasks()
    stage = Stage(engines, **settings)
    try:
        yield stage
    finally:
        await stage.end()
    assert asyncio.all_tasks() == before


def words(*lines: str, heard: Sequence[str] = ("hello",)) -> Engines:
    """Engines that hear and say these lines."""
    return scripted_engines(transcripts=heard, responses=lines)
