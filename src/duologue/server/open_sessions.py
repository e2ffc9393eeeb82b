"""The sessions that are open: how many there may be, of all owners and of each, and their end with the server."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Literal, Protocol, TypeAlias, get_args

from duologue.server.allowances import Allowances
from duologue.server.descriptors import descriptors_left, reserved_descriptors
from duologue.server.isolation import isolated
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.shared.supervisor import Supervisor
from duologue.server.telemetry.log import log_event

__all__ = ["DRAIN_MANNERS", "DrainManner", "OpenSessions", "Served"]

DrainManner: TypeAlias = Literal["now", "turn", "end"]
"""How open sessions end with the server: at once, after a response under way, or with their clients. Clients that come
back by themselves lose nothing by the first two; callers on a phone do."""

DRAIN_MANNERS: Final[tuple[DrainManner, ...]] = get_args(DrainManner)


class Served(Protocol):
    """What serves one connection."""

    async def run(self) -> None:
        """Serve until the connection ends."""
        ...

    def drain(self) -> None:
        """End as soon as nothing is under way."""
        ...

    def stop(self) -> None:
        """End now."""
        ...


class OpenSessions:
    """Counts sessions and their sidebands, whatever their medium."""

    def __init__(
        self, limits: Limits, allowances: Allowances | None = None, supervisor: Supervisor | None = None
    ) -> None:
        """With a `supervisor`, limits are for the sessions of all its workers together."""
        self._supervisor = supervisor
        self.ready = False
        """Whether sessions can be served."""
        self.draining: bool = False
        self._limits = limits
        self._allowances = allowances or Allowances()
        self._sessions: set[Served] = set()
        self._beside: set[Served] = set()
        """What ends with the sessions, and is none of them."""
        self._by_owner: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sessions)

    def check_room(self, owner: str, *, joins: bool = False) -> None:
        """Raise Rejection if the server takes no more sessions, or none of this owner. What `joins` a session is taken
        as long as the session lasts, where another worker takes new ones in place of this one."""
        if self.draining and not (joins and self._supervisor is not None and self._supervisor.replaced):
            raise Rejection("draining")
        if not self.ready:
            raise Rejection("not_ready")
        # The last descriptors are for HTTP routes: supervisors must get an answer from `/healthz`.
        if len(self._sessions) >= self._limits.sessions or descriptors_left() <= reserved_descriptors():
            raise Rejection("full")
        maximum = self._maximum_of(owner)
        if maximum is not None and self._by_owner[owner] >= maximum:
            raise Rejection("owner_sessions")

    def _maximum_of(self, owner: str) -> int | None:
        return self._allowances.of(owner).sessions or self._limits.max_sessions_per_owner

    async def place(self, owner: str, *, joins: bool = False) -> AbstractContextManager[None]:
        """A place for a session of this owner, until the end of its block, see `check_room`. Waits for a supervisor
        only.

        Raises:
            Rejection: the server takes no more sessions, or none of this owner.
        """
        self.check_room(owner, joins=joins)
        if self._supervisor is None:
            return nullcontext()
        await self._supervisor.enter(owner, maximum=self._limits.sessions, owner_maximum=self._maximum_of(owner))
        return self._supervised(owner, self._supervisor)

    @contextmanager
    def _supervised(self, owner: str, supervisor: Supervisor) -> Generator[None]:
        try:
            yield
        finally:
            supervisor.leave(owner)

    @contextmanager
    def counted(self, session: Served, owner: str) -> Generator[None]:
        """Count the session for the length of a block."""
        self._sessions.add(session)
        self._by_owner[owner] += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._sessions.discard(session)
            self._by_owner -= Counter((owner,))
            self._note_empty()

    @contextmanager
    def beside(self, served: Served) -> Generator[None]:
        """Have this end with the sessions, for the length of a block, without being counted as one: it takes no
        place, and the process that has its session counts it."""
        self._beside.add(served)
        self._empty.clear()
        try:
            yield
        finally:
            self._beside.discard(served)
            self._note_empty()

    def _note_empty(self) -> None:
        if not self._sessions and not self._beside:
            self._empty.set()

    async def drain(self, *, within_s: float | None = None, manner: DrainManner = "turn") -> None:
        """Accept no more sessions, and end the open ones.

        After `within_s` seconds, by default the limit `drain_s`, or when cancelled, those that are left are ended too.
        """
        self.draining = True
        log_event(logging.INFO, "draining", sessions=len(self._sessions))
        try:
            async with asyncio.timeout(self._limits.drain_s if within_s is None else within_s):
                for session in (*self._sessions, *self._beside) if manner != "end" else ():
                    isolated(session.drain if manner == "turn" else session.stop, doing="drain")
                await self._empty.wait()
        except TimeoutError:
            log_event(logging.WARNING, "sessions cut short", sessions=len(self._sessions))
        finally:
            for session in (*self._sessions, *self._beside):
                isolated(session.stop, doing="stop")
        await self._empty.wait()
