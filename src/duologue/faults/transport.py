"""A transport that breaks what passes through another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

from duologue.faults.connection import ConnectionFaults
from duologue.faults.grammar import NEVER_SENT
from duologue.faults.handshake import fault_answer, refused_in_memory
from duologue.faults.line import FaultyLine
from duologue.faults.plan import FaultPlan, FiredFault
from duologue.faults.planned import PlannedFault
from duologue.recording import RecordingWriter, Side
from duologue.transports import MemoryTransport, Transport, memory_pair

__all__ = ["FaultyTransport", "faulty_opening"]

_CAPACITY: Final = 4
"""Messages between the application and the line: the waiting is done on the line, which counts bytes."""

_GOING_AWAY: Final = 1001

_CLOSE_S: Final = 5.0
"""How long a close may take by the contract of `Transport.close`."""


class FaultyTransport:
    """Passes messages on to another transport and back, and lets faults come: a client's or a server's end.

    Faults of bytes are told by messages: `latency` and `bandwidth` have them come later, `reset` and `cut` end the
    connection with 1006 on this side, and on the other with a close, which is all that a transport can do. `half_open`
    loses messages, while pings of the transport below are answered. `slice`, `corrupt`, and the faults of the handshake
    need `duologue chaos`. Its task begins with the first `send` or `receive`, and ends with `close`.
    """

    def __init__(
        self,
        transport: Transport,
        faults: FaultPlan | ConnectionFaults | str | PlannedFault | Iterable[str | PlannedFault] = (),
        *,
        seed: int = 0,
        side: Side = "client",
        told: Callable[[FiredFault], object] | None = None,
        record: RecordingWriter | None = None,
    ) -> None:
        """`side` is whose end `transport` is. `told` is called for each fault that comes, `record` gets a note of it.

        A `FaultPlan` is for several connections, and has a seed of its own; a `ConnectionFaults` is one of them.

        Raises:
            ValueError: a text is no fault, or only the bytes of a connection, or its handshake, can show it.
        """
        if not isinstance(faults, ConnectionFaults):
            plan = faults if isinstance(faults, FaultPlan) else FaultPlan(faults, seed=seed)
            at_opening = [fault.name for fault in plan.faults if fault.kind.timing == "opening"]
            if at_opening:
                raise ValueError(f"{', '.join(at_opening)}: the connection is open already; use `duologue chaos`")
            faults = ConnectionFaults(plan)
        self.plan: FaultPlan = faults.plan
        """The faults, and what came of them."""
        self._faults = faults
        self._transport = transport
        self._side: Side = side
        self._near, self._far = memory_pair(_CAPACITY)
        if told is not None or record is not None:
            self.plan.tell(partial(self._tell, told=told, record=record))
        self._running: asyncio.Task[None] | None = None
        self._line: FaultyLine | None = None

    def _tell(
        self, fired: FiredFault, *, told: Callable[[FiredFault], object] | None, record: RecordingWriter | None
    ) -> None:
        if fired.connection != self._faults.number:  # another one's of the plan
            return
        if told is not None:
            told(fired)
        if record is not None:
            record.note(fired.note, connection=fired.connection)

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the other side, or the line, is slow."""
        self._run()
        await self._near.send(message)

    async def receive(self) -> str | bytes:
        """The next message that comes through. Cancelling loses nothing."""
        self._run()
        return await self._near.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both directions, behind what is under way."""
        await self._near.close(code, reason)
        if self._running is None:
            await self._transport.close(code, reason)
            return
        if self._line is not None:
            self._line.closing(self._side)
        try:
            await asyncio.wait({self._running}, timeout=_CLOSE_S)
        finally:
            self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def _run(self) -> None:
        if self._running is None:
            self._running = asyncio.ensure_future(self._carry())  # noqa: TID251 - `close` ends it

    async def _carry(self) -> None:
        own, other = self._far, _Peer(self._transport)
        client, server = (own, other) if self._side == "client" else (other, own)
        self._line = FaultyLine(client, server, self._faults)
        await self._line.run()


@asynccontextmanager
async def faulty_opening(
    plan: FaultPlan, opening: Callable[[], AbstractAsyncContextManager[Transport]]
) -> AsyncGenerator[Transport, None]:
    """A client's transport that `opening` opens, with the faults of a plan, for the length of a block.

    Faults of the handshake come too: a refusal raises what it would over a socket.

    Raises:
        ConnectFailed: a fault refuses the handshake, or it fails.
        ValueError: only the bytes of a connection can show one of the faults.
    """
    faults = ConnectionFaults(plan)
    for fault in faults.opening(asyncio.get_running_loop().time()):
        if fault.name == "handshake_delay":
            await asyncio.sleep(fault.number("s"))
        elif (answer := fault_answer(fault)) is not None:
            raise refused_in_memory(answer)
    async with opening() as transport:
        faulty = FaultyTransport(transport, faults)
        try:
            yield faulty
        finally:
            await faulty.close()


class _Peer:
    """The transport below, whose close may not have every code."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.send = transport.send
        self.receive = transport.receive

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, with 1001 in place of a code that is never in a frame. In memory there are no frames."""
        if code in NEVER_SENT and not isinstance(self._transport, MemoryTransport):
            code = _GOING_AWAY
        await self._transport.close(code, reason)
