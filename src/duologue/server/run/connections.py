"""The table of a server's connections: their number, their unread bytes, and their deadlines."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import uvicorn

from duologue.clock import loop_time
from duologue.server.descriptors import descriptor_limit, descriptors_left, descriptors_open, reserved_descriptors
from duologue.server.isolation import isolated
from duologue.server.limits import Limits
from duologue.server.telemetry.log import log_event

__all__ = ["CLOSE_S", "LINGER_S", "Connections", "EdgeConfig", "Parsing", "TrackedConnection", "half_close"]

CLOSE_S: Final = 10.0
"""How long a connection that is being closed may take to deliver what was written."""

LINGER_S: Final = 2.0
"""How long a connection is read after the last write: closing a socket with unread bytes resets it, and the client may
lose the answer (RFC 9112, section 9.6)."""

_LOG_EVERY_S: Final = 60.0
"""One line a minute for each reason, so that a flood of connections does not fill the log."""

_MAX_SWEEP_S: Final = 1.0

_MUCH_BYTES: Final = 64 * 1024
"""Of a connection that leaves memory worth giving back: two seconds of speech. Requests for pages are far below."""

_COUNTED_SHARE: Final = 4
"""From this part of the limit on descriptors, all are counted once in a sweep: 8 ms for 16,000."""

_TURN_S: Final = 0.0015
"""How long connections parse in one iteration of the event loop: one to two of the milliseconds of
uvloop's clock."""

_MAX_TURNS: Final = 8
"""Connections that resume in one iteration of the event loop: each may read 256 kB, which takes 0.3 ms."""

_TURN_BYTES: Final = 32 * 1024
"""Large messages that sessions get in one iteration of the event loop, or a single one. One may take 10 ms, and many
sessions may have one at the same time."""


class TrackedConnection(Protocol):
    """A connection in the table."""

    address: str
    """The peer's address; behind a proxy, the proxy's."""
    owner: str
    """The owner of its bytes: of a key, or an address."""
    unread: int
    """Its unread bytes; the table sets it."""
    received: int
    """Bytes that have come so far."""

    def check(self, now: float) -> None:
        """End the connection if a deadline has passed; `now` is the event loop's time."""
        ...

    def cut(self, name: str) -> None:
        """End the connection now. `name` is from `REJECTIONS`."""
        ...

    def abort(self) -> None:
        """End the connection now, without a word."""
        ...


class Parsing(Protocol):
    """A connection that parses what it has read in several turns."""

    def resume_parsing(self) -> None:
        """Parse a part of the unread bytes; calls `take_turn` if there are more."""
        ...

    def abort(self) -> None:
        """End the connection now, without a word."""
        ...


class Connections:
    """The table of one server's connections.

    A connection *waits* until it is a session: it is in a handshake, in a request, or idle between two. If there are
    too many connections, the one that has waited longest is cut. Requests and handshakes of honest clients take
    milliseconds, so these find room even while others fill the table with connections that send nothing.

    `turned_away` is called with the name, from `REJECTIONS`, of each limit that cuts a connection.
    """

    def __init__(self, limits: Limits, *, turned_away: Callable[[str], None]) -> None:
        self.limits = limits
        self._turned_away = turned_away
        self.changed: asyncio.Event = asyncio.Event()
        """Set when a connection has gone, and by a worker's acceptor when one is there; who waits for it clears it."""
        self._all: set[TrackedConnection] = set()
        self._other_descriptors = descriptors_open()
        """Descriptors that are no connections of this table, when they were last counted."""
        self._waiting: dict[TrackedConnection, None] = {}
        self._waiting_by_address: dict[str, dict[TrackedConnection, None]] = {}
        self._holding: set[TrackedConnection] = set()
        self._unread_by_owner: dict[str, int] = {}
        self.unread_bytes: int = 0
        """Bytes of all messages and requests that are not complete, or not taken by the application."""
        self._sweep: asyncio.TimerHandle | None = None
        deadlines = (limits.headers_s, limits.request_s, limits.handshake_s, limits.message_s)
        self._sweep_s = min((_MAX_SWEEP_S, *(each / 4 for each in deadlines if each is not None)))
        self._logged: dict[str, tuple[float, int]] = {}
        self._turns: dict[object, Parsing] = {}
        self._turning: asyncio.Handle | None = None
        self._large: deque[tuple[asyncio.Future[None], int]] = deque()
        self.gone: int = 0
        """The number of connections that have ended and received enough to leave free memory."""

    def __len__(self) -> int:
        return len(self._all)

    # --- opening and closing

    def arrive(self, connection: TrackedConnection) -> None:
        """Add a new connection; cuts the one that has waited longest if there are too many."""
        self.take_over(connection)
        of_address = self._waiting_by_address[connection.address]
        maximum = self.limits.max_connections_per_address
        if maximum is not None and len(of_address) > maximum:
            self.cut(next(iter(of_address)), "address_full")
        elif len(self._all) > self.limits.max_connections or self._takes_descriptors():
            self.cut(next(iter(self._waiting)), "connections")

    def _takes_descriptors(self) -> bool:
        """Whether waiting connections take descriptors from sessions. A few may wait in any case, for HTTP routes."""
        reserved = reserved_descriptors()
        return len(self._waiting) > reserved // 2 and self._descriptors_left() <= 2 * reserved

    def _descriptors_left(self) -> int:
        # The first says too much after a burst was cut, the second until what is no connection is counted again.
        return min(descriptors_left(), descriptor_limit() - self._other_descriptors - len(self._all))

    def count_other_descriptors(self) -> None:
        """Count the descriptors that are no connections, if there may be too few; each sweep does."""
        if len(self._all) > descriptor_limit() // _COUNTED_SHARE:
            self._other_descriptors = max(0, descriptors_open() - len(self._all))

    def take_over(self, connection: TrackedConnection) -> None:
        """Add a connection that replaces another one: a WebSocket after its HTTP request."""
        self._all.add(connection)
        self.wait(connection)

    def wait(self, connection: TrackedConnection) -> None:
        """A connection waits: it is not a session, or not any more."""
        self._waiting[connection] = None
        self._waiting_by_address.setdefault(connection.address, {})[connection] = None
        self._start_sweeping()

    def admit(self, connection: TrackedConnection, owner: str) -> None:
        """A connection has become a session of this owner."""
        self._stop_waiting(connection)
        unread = connection.unread
        self.hold(connection, 0)
        connection.owner = owner
        self.hold(connection, unread)

    def leave(self, connection: TrackedConnection) -> None:
        """A connection has ended."""
        self.gone += connection.received >= _MUCH_BYTES
        self._all.discard(connection)
        self.changed.set()
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
        """Set a connection's unread bytes; cuts the one with most if an owner, or all, have too many."""
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
        maximum, owner_maximum = self.limits.max_unread_bytes, self.limits.max_unread_bytes_per_owner
        if owner_maximum is not None and of_owner > owner_maximum:
            self.cut(self._largest_of(owner), "unread")
        elif maximum is not None and self.unread_bytes > maximum:
            # Of the owner with most bytes: one owner's many small messages do not cut another's large one.
            self.cut(self._largest_of(max(self._unread_by_owner, key=self._unread_by_owner.__getitem__)), "unread")
        self._start_sweeping()

    def _largest_of(self, owner: str) -> TrackedConnection:
        return max((each for each in self._holding if each.owner == owner), key=lambda each: each.unread)

    # --- turns

    def take_turn(self, connection: Parsing) -> None:
        """Resume a connection after the others had their turn."""
        self._turns[connection] = connection
        self._start_turning()

    async def wait_for_turn(self, n_bytes: int, *, sending: bool) -> None:
        """Wait until a large message of this size may be processed: all sessions process them one by one.

        Sent messages go before received ones, so that answers do not pile up.
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
        until = loop_time() + _TURN_S
        for _ in range(_MAX_TURNS):
            if not self._turns:
                break
            connection = self._turns.pop(next(iter(self._turns)))
            if not isolated(connection.resume_parsing, doing="parse"):
                connection.abort()
            if loop_time() >= until:
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
        # One timer for all connections, and none while all are sessions without unread bytes.
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._sweep_s, self._check_all)

    def _check_all(self) -> None:
        self._sweep = None
        if self._waiting or self._holding:
            self._start_sweeping()
        self.count_other_descriptors()
        now = asyncio.get_running_loop().time()
        for connection in (*self._waiting, *(self._holding - self._waiting.keys())):
            if not isolated(partial(connection.check, now), doing="check the deadline"):
                self.leave(connection)
                connection.abort()

    # --- cutting

    def cut(self, connection: TrackedConnection, name: str) -> None:
        """End a connection because of a limit; counts and logs it."""
        self.log_cut(name, connection)
        self.leave(connection)
        if not isolated(partial(connection.cut, name), doing="cut"):
            connection.abort()

    def log_cut(self, name: str, connection: TrackedConnection) -> None:
        """Count a connection that a limit has ended; logs one line a minute for each limit."""
        self._turned_away(name)
        next_at, unlogged = self._logged.get(name, (0.0, 0))
        now, unlogged = loop_time(), unlogged + 1
        if now >= next_at:
            log_event(logging.WARNING, "connections cut", reason=name, address=connection.address, count=unlogged)
            next_at, unlogged = now + _LOG_EVERY_S, 0
        self._logged[name] = (next_at, unlogged)


def half_close(transport: asyncio.Transport) -> bool:
    """Close the sending side behind what was written, and keep reading.

    Returns False if the connection is closed instead: its transport (TLS) cannot do that, or its peer has reset it.
    """
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
    """uvicorn's configuration, with the table for its protocols."""

    def __init__(self, app: Any, *, edge: Connections, max_event_bytes: int | None, **settings: Any) -> None:
        """`max_event_bytes` is the limit of an event without its audio; None: messages are relayed as they came."""
        super().__init__(app, **settings)
        self.edge = edge
        self.max_event_bytes = max_event_bytes
