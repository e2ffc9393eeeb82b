"""All Live sessions of a server: open ones, to which sidebands are attached, and stored ones, which are forked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from duologue.codec import decode_live
from duologue.engines.registry import Engines
from duologue.protocol import SessionDefaults
from duologue.protocol.live.server import StoredLiveSession
from duologue.server.allowances import Allowances
from duologue.server.budget import Budget
from duologue.server.ids import new_id
from duologue.server.limits import Limits
from duologue.server.live.live_settings import live_defaults
from duologue.server.live.session import LiveServerSession
from duologue.server.live.sideband import Sideband
from duologue.server.live.stored_sessions import StoredSessions
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.server.relay.relay import Relay
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import LiveRequest, SessionStart
from duologue.server.telemetry.observer import Observer
from duologue.transports import Transport

__all__ = ["LiveSessions"]


class LiveSessions:
    """Makes what serves a client of a Live path, and knows which sessions there are."""

    def __init__(
        self,
        *,
        defaults: SessionDefaults,
        limits: Limits,
        budget: Budget,
        models: Sequence[str] = (),
        allowances: Allowances | None = None,
        long_work: asyncio.Lock | None = None,
        new_id: Callable[[str], str] = new_id,
    ) -> None:
        self._defaults = live_defaults(defaults, limits)
        self._limits = limits
        self._budget = budget
        self._models = frozenset(models)
        self._allowances = allowances or Allowances()
        self._long_work = long_work or asyncio.Lock()
        self._new_id = new_id
        self._open: dict[str, LiveServerSession] = {}
        self._stored = StoredSessions[StoredLiveSession](
            max_sessions=limits.stored_live_sessions,
            budget=budget,
            max_bytes=limits.max_stored_live_bytes,
            max_owner_bytes=limits.max_owner_stored_live_bytes,
        )

    def _models_of(self, owner: str) -> frozenset[str]:
        """Those that an owner's sessions may have; empty: any. Raises Rejection if the server has none of them."""
        allowed = frozenset(self._allowances.of(owner).models)
        if not (allowed and self._models):
            return allowed or self._models
        if not allowed & self._models:
            raise Rejection("wrong_model", model=min(allowed))
        return allowed & self._models

    @staticmethod
    def prepare() -> None:
        """Build the decoders now: the first event, and the first malformed one, would keep all sessions waiting."""
        for frame in ('{"type":"session.close"}', '{"type":"session.start"}'):
            decode_live(frame)

    def serve(
        self, wanted: LiveRequest, transport: Transport, *, owner: str, engines: Engines, observer: Observer
    ) -> Served:
        """A session, a fork or a sideband of this owner. Raises Rejection."""
        if wanted.verb == "attach":
            return self._sideband(wanted, transport, owner=owner, observer=observer)
        stored = None
        if wanted.verb == "fork":
            stored = self._stored.find(wanted.session_id, owner=owner)
            if stored is None:
                raise Rejection("no_stored_session", session_id=wanted.session_id)
        return LiveServerSession(
            transport,
            engines,
            self._defaults,
            owner=owner,
            registry=self,
            models=self._models_of(owner),
            limits=self._limits,
            observer=observer,
            share=self._budget.share(owner),
            stored=stored,
            long_work=self._long_work,
            new_id=self._new_id,
        )

    def _sideband(self, wanted: LiveRequest, transport: Transport, *, owner: str, observer: Observer) -> Sideband:
        session = self._open.get(wanted.session_id)
        if session is None or session.owner != owner:
            raise Rejection("no_live_session", session_id=wanted.session_id)
        if session.sidebands_open >= self._defaults.max_sidebands:
            raise Rejection("sidebands", max=self._defaults.max_sidebands)
        share = self._budget.share(owner)
        return Sideband(transport, session, limits=self._limits, observer=observer, share=share, new_id=self._new_id)

    def relay(self, wanted: LiveRequest, transport: Transport, *, upstream: Upstream, observer: Observer) -> Served:
        """A relay to the same path of an upstream, which passes every message unchanged. Raises Rejection."""
        open_live = upstream.open_live
        if open_live is None:
            raise Rejection("no_live_upstream")
        # Neither side translates, because both have one dialect. A sideband may be silent as long as its session.
        limits = self._limits if wanted.verb != "attach" else msgspec.structs.replace(self._limits, idle_s=None)
        start = SessionStart()
        same = Upstream(open=lambda _: open_live(wanted), dialect=start.dialect)
        return Relay(transport, same, session_start=start, limits=limits, observer=observer, new_id=self._new_id)

    # --- for sessions

    def opened(self, session: LiveServerSession) -> None:
        """A session has started: sidebands may attach."""
        self._open[session.session_id] = session

    def closed(self, session: LiveServerSession, stored: StoredLiveSession | None = None) -> None:
        """A session is over; what it leaves for forks."""
        self._open.pop(session.session_id, None)
        if stored is not None:
            self._stored.keep(session.session_id, stored, owner=session.owner)
