"""The way between a client and a server, with faults: it carries messages from one transport to another."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from duologue.errors import ConnectionClosed
from duologue.faults.connection import BROKEN, ConnectionFaults, Deed, Delivery, Impairment, LineEnd
from duologue.faults.planned import PlannedFault
from duologue.recording import ClosedBy, Side
from duologue.transports import Transport

__all__ = ["FaultyLine", "LineWitness"]

_MAX_WAITING_BYTES: Final = 1_000_000
"""What may be under way in one direction before its sender has to wait: a minute and a half of telephone audio. A
line that is slower than what is sent into it would fill the memory otherwise."""

_CLOSE_S: Final = 5.0
"""How long a side that takes no more messages has until it is closed: as long as `Transport.close`."""

_GOING_AWAY: Final = 1001
_INTERNAL_ERROR: Final = 1011
_OTHER: Final[dict[Side, Side]] = {"client": "server", "server": "client"}


class LineWitness(Protocol):
    """Is told what the client sends and gets, and how the connection ended."""

    def passed(self, sender: Side, message: str | bytes, /) -> None:
        """A message was taken from the client, or given to it."""
        ...

    def ended(self, code: int, reason: str, by: ClosedBy, /) -> None:
        """The client's connection is over. Called once."""
        ...


class _Lane:
    """What is under way to one side."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.waiting: deque[tuple[float, str | bytes]] = deque()
        self.size_bytes = 0
        self.changed = asyncio.Event()
        self.end: tuple[int, str, ClosedBy] | None = None
        """The close of this side, behind all that is due, and who closed."""
        self.ending = asyncio.Event()
        self.is_sending = False

    def put(self, due_at: float, message: str | bytes) -> None:
        if self.end is None:
            self.waiting.append((due_at, message))
            self.size_bytes += len(message)
            self.changed.set()

    def take(self) -> str | bytes:
        _, message = self.waiting.popleft()
        self.size_bytes -= len(message)
        return message

    def close_with(self, code: int, reason: str, by: ClosedBy) -> None:
        if self.end is None:
            self.end = (code, reason, by)
            self.ending.set()
            self.changed.set()

    @property
    def last_due_at(self) -> float:
        """Of what comes at all."""
        return max((due_at for due_at, _ in self.waiting if due_at < math.inf), default=-math.inf)


class FaultyLine:
    """Carries messages between a client's transport and a server's until both are closed, and lets faults come."""

    def __init__(
        self,
        client: Transport,
        server: Transport,
        faults: ConnectionFaults,
        *,
        impair: Callable[[PlannedFault], object] | None = None,
        witness: LineWitness | None = None,
    ) -> None:
        """`impair` lets a fault come to the bytes below, if `faults` was made with `has_bytes`."""
        self._faults = faults
        self._impair = impair
        self._witness = witness
        self._lanes: dict[Side, _Lane] = {"client": _Lane(client), "server": _Lane(server)}
        self._closing: set[Side] = set()
        self._is_told = False
        """Whether the witness knows of the end."""
        self._timed = asyncio.Event()
        """Whether the next tick is earlier than it was."""
        self._next_tick_at = math.inf
        self._clock = asyncio.get_running_loop().time

    async def run(self) -> None:
        """Carry messages until both sides are closed. Cancelling closes both with 1001, another failure with 1011."""
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [tasks.create_task(self._tick())]
                for side in self._lanes:
                    others += (tasks.create_task(self._read(side)), tasks.create_task(self._give_up(side)))
                deliveries = [tasks.create_task(self._deliver(side)) for side in self._lanes]
                self._carry_out(self._faults.opened(self._clock()))
                await asyncio.wait(deliveries)
                for task in others:
                    task.cancel()
        except BaseException as fault:
            code = _GOING_AWAY if isinstance(fault, asyncio.CancelledError) else _INTERNAL_ERROR
            closing = (lane.transport.close(code, "the line is going away") for lane in self._lanes.values())
            await asyncio.gather(*closing, return_exceptions=True)
            raise

    def closing(self, side: Side) -> None:
        """A side is known to have closed: what it has sent is read to the end, without waiting long for room."""
        self._closing.add(side)
        self._lanes[_OTHER[side]].changed.set()
        self._lanes[_OTHER[side]].ending.set()

    async def _read(self, sender: Side) -> None:
        source, lane = self._lanes[sender].transport, self._lanes[_OTHER[sender]]
        while True:
            while lane.size_bytes > _MAX_WAITING_BYTES and lane.end is None and sender not in self._closing:
                lane.changed.clear()
                await lane.changed.wait()
            try:
                message = await source.receive()
            except ConnectionClosed as closed:
                self._left(sender, closed)
                return
            if sender == "client" and self._witness is not None and not self._faults.is_over:
                self._witness.passed("client", message)
            deeds = self._faults.passed(sender, message, self._clock())
            if len(deeds) == 1 and isinstance(deeds[0], Delivery) and self._can_send_now(deeds[0]):
                await self._send(deeds[0].to, deeds[0].message)
            else:
                self._carry_out(deeds)
            if self._faults.next_at < self._next_tick_at:
                self._timed.set()

    def _can_send_now(self, delivery: Delivery) -> bool:
        lane = self._lanes[delivery.to]
        return not lane.waiting and not lane.is_sending and lane.end is None and delivery.due_at <= self._clock()

    def _carry_out(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Delivery(to=to, message=message, due_at=due_at):
                    self._lanes[to].put(due_at, message)
                case LineEnd(client_code=client_code, server_code=server_code, reason=reason):
                    by: ClosedBy = "network" if client_code == BROKEN else "server"
                    self._lanes["client"].close_with(client_code, reason, by)
                    self._lanes["server"].close_with(server_code, reason, by)
                case Impairment(fault=fault):
                    assert self._impair is not None
                    self._impair(fault)

    def _left(self, side: Side, closed: ConnectionClosed) -> None:
        """A side has closed; the other one hears of it behind what is still under way to it."""
        by: ClosedBy = "network" if closed.code == BROKEN else side
        if side == "client":
            self._tell_end(closed.code, closed.reason, by)
        for lane in self._lanes.values():
            lane.close_with(closed.code, closed.reason, by)

    async def _close(self, side: Side) -> None:
        lane = self._lanes[side]
        code, reason, by = lane.end or (_GOING_AWAY, "", "network")
        if side == "client":
            self._tell_end(code, reason, by)
        await lane.transport.close(code, reason)

    def _tell_end(self, code: int, reason: str, by: ClosedBy) -> None:
        if self._witness is not None and not self._is_told:
            self._is_told = True
            self._witness.ended(code, reason, by)

    async def _deliver(self, to: Side) -> None:
        lane = self._lanes[to]
        while True:
            lane.changed.clear()
            due_at = lane.waiting[0][0] if lane.waiting else math.inf
            if lane.is_sending:
                await lane.changed.wait()
            elif due_at <= self._clock():
                await self._send(to, lane.take())
            elif lane.end is not None and due_at == math.inf:  # what never comes does not keep the connection open
                await self._close(to)
                return
            else:
                await _until(lane.changed, due_at)

    async def _send(self, to: Side, message: str | bytes) -> None:
        lane = self._lanes[to]
        lane.is_sending = True
        try:
            await lane.transport.send(message)
        except ConnectionClosed as closed:
            self._left(to, closed)
            lane.waiting.clear()
            return
        finally:
            lane.is_sending = False
            lane.changed.set()
        if self._witness is not None and to == "client":
            self._witness.passed("server", message)

    async def _give_up(self, to: Side) -> None:
        """Close a side that does not take what is due to it."""
        lane = self._lanes[to]
        await lane.ending.wait()
        await asyncio.sleep(max(0.0, lane.last_due_at - self._clock()) + _CLOSE_S)
        lane.waiting.clear()
        await self._close(to)

    async def _tick(self) -> None:
        while True:
            self._timed.clear()
            self._next_tick_at = self._faults.next_at
            await _until(self._timed, self._next_tick_at)
            self._carry_out(self._faults.tick(self._clock()))


async def _until(event: asyncio.Event, at: float) -> None:
    """Wait for an event, or for a time of the loop's clock."""
    try:
        async with asyncio.timeout_at(None if at == math.inf else at):
            await event.wait()
    except TimeoutError:
        return
