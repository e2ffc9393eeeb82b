"""Makes what serves a Realtime or translation session over a transport: a session with engines, or a relay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from duologue.engines.registry import Engines
from duologue.protocol import SessionDefaults
from duologue.server.budget import Budget
from duologue.server.limits import Limits
from duologue.server.mcp.servers import McpAccess
from duologue.server.relay.relay import Relay
from duologue.server.relay.upstream import Upstream
from duologue.server.session.session import ServerSession
from duologue.server.session_start import SessionStart
from duologue.server.telemetry.observer import Observer
from duologue.server.translation.served_translation import ServedTranslation
from duologue.transports import Transport

__all__ = ["RealtimeSession", "RealtimeSessions"]

RealtimeSession: TypeAlias = ServerSession | Relay | ServedTranslation


class RealtimeSessions:
    """The settings that all sessions of a server share."""

    def __init__(
        self,
        *,
        defaults: SessionDefaults,
        limits: Limits,
        budget: Budget,
        upstream: Upstream | None,
        mcp: McpAccess | None,
        long_work: asyncio.Lock,
        models: Sequence[str],
        new_id: Callable[[str], str],
    ) -> None:
        """`models` are those that the operator has named."""
        self.upstream = upstream
        """The API that holds the sessions; None: they are the server's own."""
        self._defaults = defaults
        self._limits = limits
        self._budget = budget
        self._mcp = mcp
        self._long_work = long_work
        self._models = tuple(models)
        self._new_id = new_id
        self.engines: Engines | None = None
        """Loaded while the server runs; without an upstream no session is made before."""

    @property
    def default_model(self) -> str | None:
        """The model of sessions that name none; None: only the upstream knows it."""
        return self._defaults.model if self.upstream is None else self.upstream.model

    def serve(
        self,
        transport: Transport,
        session_start: SessionStart,
        *,
        owner: str,
        observer: Observer,
        upstream: Upstream | None = None,
    ) -> RealtimeSession:
        """A session of this owner. `upstream` takes the place of the server's for this session."""
        upstream = upstream or self.upstream
        if upstream is not None:
            return Relay(
                transport,
                upstream.unchanged() if session_start.translates else upstream,
                session_start=session_start,
                limits=self._limits,
                defaults=self._defaults,
                observer=observer,
                new_id=self._new_id,
            )
        assert self.engines is not None, "no session is admitted before the engines are loaded"
        if session_start.translates:
            return ServedTranslation(
                transport,
                self.engines,
                self._defaults,
                session_start=session_start,
                limits=self._limits,
                observer=observer,
                share=self._budget.share(owner),
                new_id=self._new_id,
            )
        return ServerSession(
            transport,
            self.engines,
            self._defaults,
            session_start=session_start,
            limits=self._limits,
            observer=observer,
            mcp=self._mcp,
            share=self._budget.share(owner),
            long_work=self._long_work,
            models=self._models,
            new_id=self._new_id,
        )
