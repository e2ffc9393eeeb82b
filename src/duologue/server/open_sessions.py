"""The sessions that are open: how many there may be, of all owners and of each, and their end with the server."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from duologue.server.allowances import Allowances
from duologue.server.descriptors import descriptors_left, reserved_descriptors
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event

__all__ = ["OpenSessions", "Served"]


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

    def __init__(self, limits: Limits, allowances: Allowances | None = None) -> None:
        self.ready = False
        """Whether sessions can be served."""
        self.draining = False
        self._limits = limits
        self._allowances = allowances or Allowances()
        self._sessions: set[Served] = set()
        self._by_owner: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sessions)

    def check_room(self, owner: str) -> None:
        """Raise Rejection if the server takes no more sessions, or none of this owner."""
        if self.draining:
            raise Rejection("draining")
        if not self.ready:
            raise Rejection("not_ready")
        # The last descriptors are for HTTP routes: supervisors must get an answer from `/healthz`.
        if len(self._sessions) >= self._limits.sessions or descriptors_left() <= reserved_descriptors():
            raise Rejection("full")
        maximum = self._allowances.of(owner).sessions or self._limits.max_sessions_per_owner
        if maximum is not None and self._by_owner[owner] >= maximum:
            raise Rejection("owner_sessions")

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
            if not self._sessions:
                self._empty.set()

    async def drain(self, *, within_s: float | None = None) -> None:
        """Accept no more sessions, and end each open one as soon as it has no response under way.

        After `within_s` seconds, by default the limit `drain_s`, or when cancelled, the others are ended too.
        """
        self.draining = True
        log_event(logging.INFO, "draining", sessions=len(self._sessions))
        try:
            async with asyncio.timeout(self._limits.drain_s if within_s is None else within_s):
                for session in tuple(self._sessions):
                    session.drain()
                await self._empty.wait()
        except TimeoutError:
            log_event(logging.WARNING, "sessions cut short", sessions=len(self._sessions))
        finally:
            for session in tuple(self._sessions):
                session.stop()
        await self._empty.wait()
