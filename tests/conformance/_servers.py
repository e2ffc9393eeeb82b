"""Our server in memory, correct or with faults: a transport changes its events."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import msgspec

from duologue.conformance import ConnectOptions, NotApplicable, OpenTransport
from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedSynthesizer
from duologue.errors import ConnectionClosed
from duologue.protocol import SessionKind
from duologue.server import ServerSession
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import Transport, memory_pair
from duologue.transports.memory import MemoryTransport

Event: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Event], Iterable[Event]]
"""The events that replace an event: none, itself, or several."""

_LONG = ", ".join(map(str, range(1, 101)))


class Speaker:
    """Does what the suite asks for: counts, calls a tool, or says hello."""

    name = "speaker"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """The answer, word by word."""
        asked = request.messages[-1].text if request.messages else ""
        if request.functions and (wanted := re.search(r"call the tool (\w+) with city (\w+)", asked, re.I)):
            if asked.startswith("Say"):
                yield "I will look."
            yield FunctionCall(name=wanted[1], arguments=msgspec.json.encode({"city": wanted[2]}).decode())
            return
        for word in (_LONG if asked.startswith("Count") else "Hello, how are you?").split(" "):
            yield f"{word} "


_ROUNDS_PER_PIECE = 10
"""Rounds of the event loop: enough for a client to cancel after the first piece and before the last."""


class SlowSynthesizer(ScriptedSynthesizer):
    """Takes some time for a long text, as all real ones do."""

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """The tone, each piece of it after others had their turns."""
        async for piece in super().synthesize(text, voice=voice, speed=speed):
            for _ in range(_ROUNDS_PER_PIECE):
                await asyncio.sleep(0)
            yield piece


def engines() -> Engines:
    """Scripted ones that can be interrupted."""
    return replace(scripted_engines(), responder=Speaker(), synthesizer=SlowSynthesizer())


class Served(Protocol):
    """What serves one connection."""

    async def run(self) -> None:
        """Serve until the connection ends."""
        ...


Serve: TypeAlias = Callable[[Transport, ConnectOptions], Served]
"""What serves a connection with these options. Raises ConnectFailed, and NotApplicable."""


def realtime(transport: Transport, options: ConnectOptions) -> Served:
    """A session of Realtime."""
    if options not in (ConnectOptions(), ConnectOptions(intent="transcription")):
        raise NotApplicable("a pipe in memory has no headers")
    kind: SessionKind = "transcription" if options.intent else "realtime"
    return ServerSession(transport, engines(), session_start=SessionStart(kind=kind))


def everywhere(options: ConnectOptions) -> bool:
    """Every connection."""
    return True


@asynccontextmanager
async def serving(
    change: Change | None = None,
    *,
    serve: Serve = realtime,
    closes: bool = True,
    where: Callable[[ConnectOptions], bool] = everywhere,
) -> AsyncGenerator[OpenTransport, None]:
    """A function that opens sessions with our server; they end with the block.

    The events of the connections in `where` are changed. With `closes=False` the client does not see that the server
    closes.
    """
    running: list[asyncio.Task[None]] = []

    async def open_transport(options: ConnectOptions) -> Transport:
        ours, theirs = memory_pair()
        session = serve(theirs, options)
        running.append(asyncio.ensure_future(session.run()))
        if (change is None and closes) or not where(options):
            return ours
        return ChangingTransport(ours, change or (lambda event: (event,)), closes=closes)

    try:
        yield open_transport
    finally:
        _, late = await asyncio.wait(running, timeout=5) if running else (set(), set())
        for task in late:
            task.cancel()
        assert not late, "a session does not end"


class ChangingTransport:
    """Passes on what it receives, changed."""

    def __init__(self, transport: MemoryTransport, change: Change, *, closes: bool = True) -> None:
        self._change = change
        self._closes = closes
        self._receive = transport.receive
        self._left: list[str] = []
        self.send = transport.send
        self.close = transport.close

    async def receive(self) -> str | bytes:
        """The next message after the change."""
        while not self._left:
            try:
                event: Event = msgspec.json.decode(await self._receive())
            except ConnectionClosed:
                if self._closes:
                    raise
                await asyncio.Event().wait()
                raise
            self._left = [msgspec.json.encode(each).decode() for each in self._change(event)]
        return self._left.pop(0)


# --- ways to break a server


def drop(type: str) -> Change:
    """The event never comes."""
    return lambda event: () if event["type"] == type else (event,)


def repeat(type: str) -> Change:
    """The event comes twice."""
    return lambda event: (event, event) if event["type"] == type else (event,)


def every_other(type: str) -> Change:
    """Of these events only the first, the third, and so on come."""
    counted = itertools.count()
    return lambda event: () if event["type"] == type and next(counted) % 2 else (event,)


def rename(type: str, other: str) -> Change:
    """The event has another name."""
    return lambda event: ({**event, "type": other if event["type"] == type else event["type"]},)


def also(type: str, other: str) -> Change:
    """The event comes, and once more under another name."""
    return lambda event: (event, {**event, "type": other}) if event["type"] == type else (event,)


def edit(type: str, path: str, value: Any) -> Change:
    """A field of the event has another value; `...` takes it away."""

    def change(event: Event) -> Iterable[Event]:
        if event["type"] == type:
            *parents, name = path.split(".")
            place: Any = event
            for parent in parents:
                place = place[int(parent) if parent.isdecimal() else parent]
            if value is ...:
                del place[name]
            else:
                place[name] = value
        return (event,)

    return change


def swap(first: str, second: str) -> Change:
    """The first event comes after the second one."""
    held: list[Event] = []

    def change(event: Event) -> Iterable[Event]:
        if event["type"] == first:
            held.append(event)
            return ()
        if event["type"] == second:
            found, held[:] = [event, *held], []
            return found
        return (event,)

    return change
