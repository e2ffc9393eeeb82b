"""All connections of a server: how many there may be, what they hold unread, and which have taken too long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import uvicorn

from duologue.server.descriptors import descriptors_left, reserved_descriptors
from duologue.server.limits import Limits
from duologue.server.telemetry.log import log_event

__all__ = ["CLOSE_S", "LINGER_S", "Connections", "EdgeConfig", "TakesTurns", "TrackedConnection", "half_close"]

CLOSE_S: Final = 10.0
"""How long a connection that is being closed may take to deliver what was written to it."""

LINGER_S: Final = 2.0
"""How long what is still coming is read after the last word: a socket that is closed with bytes in it is reset, and the
reset overtakes the answer."""

_LOG_EVERY_S: Final = 60.0
"""A flood is one line a minute for each reason, not one for each connection."""

_MAX_SWEEP_S: Final = 1.0

_TURN_S: Final = 0.001
"""How long what was read of all connections is parsed before the event loop does something else."""

_MAX_TURNS: Final = 8
"""Connections that read on in one turn of the event loop: each may bring 256 kB, which take 0.3 ms."""

_TURN_BYTES: Final = 32 * 1024
"""Large messages that are handed to sessions in one turn of the event loop, or a single one. One of them may cost 10 ms
and more, and hundreds of sessions may have one at the same time."""


class TrackedConnection(Protocol):
    """What the table knows of a connection."""

    address: str
    """Of the peer, as the network sees it: a proxy's, behind a proxy."""
    owner: str
    """Whose bytes these are: the number of a key, or an address."""
    unread: int
    """Bytes that the table counts for it."""

    def check(self, now: float) -> None:
        """End it if a deadline has passed; `now` is the event loop's time."""
        ...

    def cut(self, name: str) -> None:
        """End it now. `name` is from `REJECTIONS`."""
        ...


class TakesTurns(Protocol):
    """A connection that may have more to parse than it does at a time."""

    def go_on(self) -> None:
        """Parse on what has been read; asks for another turn if it is more than a little."""
        ...


class Connections:
    """The table of one server's connections.

    A connection *waits* until it is a session: it shakes hands, sends a request, or idles between two. Where there are
    too many connections, those that have waited longest are cut: a request or a handshake of an honest client takes
    milliseconds, so it finds room even while others fill the table with connections that send nothing.

    `turned_away` is called with the name, from `REJECTIONS`, of each limit that cuts a connection.
    """

    def __init__(self, limits: Limits, *, turned_away: Callable[[str], None]) -> None:
        self.limits = limits
        self._turned_away = turned_away
        self._all: set[TrackedConnection] = set()
        self._waiting: dict[TrackedConnection, None] = {}
        self._waiting_by_address: dict[str, dict[TrackedConnection, None]] = {}
        self._holding: set[TrackedConnection] = set()
        self._unread_by_owner: dict[str, int] = {}
        self.unread_bytes = 0
        """What all connections hold of messages and requests that are not complete or not taken yet."""
        self._sweep: asyncio.TimerHandle | None = None
        deadlines = (limits.headers_s, limits.request_s, limits.handshake_s, limits.message_s)
        self._sweep_s = min((_MAX_SWEEP_S, *(each / 4 for each in deadlines if each is not None)))
        self._logged: dict[str, tuple[float, int]] = {}
        self._turns: dict[object, TakesTurns] = {}
        self._turning: asyncio.Handle | None = None
        self._large: deque[tuple[asyncio.Future[None], int]] = deque()
        self.gone = 0
        """How many connections have ended."""

    def __len__(self) -> int:
        return len(self._all)

    # --- coming and going

    def arrive(self, connection: TrackedConnection) -> None:
        """Take a new connection in; cuts the one that has waited longest where there are too many."""
        self.take_over(connection)
        of_address = self._waiting_by_address[connection.address]
        most = self.limits.max_connections_per_address
        if most is not None and len(of_address) > most:
            self.cut(next(iter(of_address)), "address_full")
        elif len(self._all) > self.limits.max_connections or self._takes_descriptors():
            self.cut(next(iter(self._waiting)), "connections")

    def _takes_descriptors(self) -> bool:
        """Whether those that wait take descriptors that sessions could have. A few may wait in any case, for pages."""
        reserved = reserved_descriptors()
        return len(self._waiting) > reserved // 2 and descriptors_left() <= 2 * reserved

    def take_over(self, connection: TrackedConnection) -> None:
        """Take a connection in that has been here in another form."""
        self._all.add(connection)
        self.wait(connection)

    def wait(self, connection: TrackedConnection) -> None:
        """Watch a connection that is no session, or no longer."""
        self._waiting[connection] = None
        self._waiting_by_address.setdefault(connection.address, {})[connection] = None
        self._start_sweeping()

    def admit(self, connection: TrackedConnection, owner: str) -> None:
        """A connection has become this owner's session."""
        self._stop_waiting(connection)
        unread = connection.unread
        self.hold(connection, 0)
        connection.owner = owner
        self.hold(connection, unread)

    def leave(self, connection: TrackedConnection) -> None:
        """A connection is over."""
        self.gone += 1
        self._all.discard(connection)
        self._turns.pop(connection, None)
        self._stop_waiting(connection)
        self.hold(connection, 0)

    def _stop_waiting(self, connection: TrackedConnection) -> None:
        self._waiting.pop(connection, None)
        of_address = self._waiting_by_address.get(connection.address)
        if of_address is not None:
            of_address.pop(connection, None)
            if not of_address:
                del self._waiting_by_address[connection.address]

    # --- unread bytes

    def hold(self, connection: TrackedConnection, unread: int) -> None:
        """A connection holds so many unread bytes; cuts the one that holds most where they are too many."""
        more = unread - connection.unread
        if not more:
            return
        connection.unread = unread
        self.unread_bytes += more
        owner = connection.owner
        of_owner = self._unread_by_owner.get(owner, 0) + more
        if of_owner:
            self._unread_by_owner[owner] = of_owner
        else:
            self._unread_by_owner.pop(owner, None)
        if unread:
            self._holding.add(connection)
        else:
            self._holding.discard(connection)
        if more < 0:
            return
        most, of_one = self.limits.max_unread_bytes, self.limits.max_unread_bytes_per_owner
        if of_one is not None and of_owner > of_one:
            self.cut(self._largest_of(owner), "unread")
        elif most is not None and self.unread_bytes > most:
            # Of the owner that holds most: many small ones of one owner do not push out another's large message.
            self.cut(self._largest_of(max(self._unread_by_owner, key=self._unread_by_owner.__getitem__)), "unread")
        self._start_sweeping()

    def _largest_of(self, owner: str) -> TrackedConnection:
        return max((each for each in self._holding if each.owner == owner), key=lambda each: each.unread)

    # --- turns

    def take_turn(self, connection: TakesTurns) -> None:
        """Have a connection go on when the others had their turn."""
        self._turns[connection] = connection
        self._start_turning()

    async def wait_for_turn(self, n_bytes: int, *, sending: bool) -> None:
        """Wait until a message of so many bytes may be worked on: large ones of all sessions come one after another.

        What is sent goes before what is received, so that answers do not pile up.
        """
        turn = asyncio.get_running_loop().create_future()
        if sending:
            self._large.appendleft((turn, n_bytes))
        else:
            self._large.append((turn, n_bytes))
        self._start_turning()
        await turn

    def _start_turning(self) -> None:
        if self._turning is None:
            self._turning = asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._turning = None
        until = time.monotonic() + _TURN_S
        for _ in range(_MAX_TURNS):
            if not self._turns:
                break
            self._turns.pop(next(iter(self._turns))).go_on()
            if time.monotonic() >= until:
                break
        n_bytes = 0
        while self._large and n_bytes < _TURN_BYTES:
            turn, size = self._large.popleft()
            if not turn.done():
                turn.set_result(None)
                n_bytes += size
        if self._turns or self._large:
            self._start_turning()

    # --- deadlines

    def _start_sweeping(self) -> None:
        # One timer for all, and none where all are sessions that hold nothing.
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._sweep_s, self._look_at_all)

    def _look_at_all(self) -> None:
        self._sweep = None
        if self._waiting or self._holding:
            self._start_sweeping()  # first, so that a fault below ends no other connection's deadlines
        now = asyncio.get_running_loop().time()
        for connection in (*self._waiting, *(self._holding - self._waiting.keys())):
            connection.check(now)

    # --- cutting

    def cut(self, connection: TrackedConnection, name: str) -> None:
        """End a connection because of a limit, which is counted and logged."""
        self.log_cut(name, connection)
        self.leave(connection)
        connection.cut(name)

    def log_cut(self, name: str, connection: TrackedConnection) -> None:
        """Count a connection that a limit has ended; one line a minute is logged for each limit."""
        self._turned_away(name)
        next_at, unlogged = self._logged.get(name, (0.0, 0))
        now, unlogged = time.monotonic(), unlogged + 1
        if now >= next_at:
            log_event(logging.WARNING, "connections cut", reason=name, address=connection.address, count=unlogged)
            next_at, unlogged = now + _LOG_EVERY_S, 0
        self._logged[name] = (next_at, unlogged)


def half_close(transport: asyncio.Transport) -> bool:
    """Send the end behind what was written, and go on reading. False: the connection is closed instead, because its
    transport cannot do that, or its peer has reset it."""
    if not transport.can_write_eof():
        transport.close()
        return False
    try:
        transport.write_eof()
    except OSError:
        transport.abort()
        return False
    return True


class EdgeConfig(uvicorn.Config):
    """uvicorn's configuration, by which its protocols find the table."""

    def __init__(self, app: Any, *, edge: Connections, max_event_bytes: int, **settings: Any) -> None:
        super().__init__(app, **settings)
        self.edge = edge
        self.max_event_bytes = max_event_bytes
