"""The server as an ASGI application. The WebSocket's paths are in `http.paths`, the HTTP routes in `http.routes`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, closing, nullcontext
from typing import TYPE_CHECKING, Any

from duologue.clock import unix_time
from duologue.codec import encode, encode_live, prepare
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.engines.registry import Engines, load_default
from duologue.errors import ConnectionClosed
from duologue.printable import printable_name
from duologue.protocol import SessionDefaults
from duologue.server.allowances import Allowances
from duologue.server.budget import Budget
from duologue.server.calls.served_calls import ServedCalls
from duologue.server.calls.sideband import CallSideband
from duologue.server.http.admission import Admission, peer_of
from duologue.server.http.auth import Keys, query
from duologue.server.http.authentication import Authenticate, Principal, identify
from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.http.handshakes import refuse, send_rejection, send_wrong_path, subprotocol_of
from duologue.server.http.key_file import NamedKey
from duologue.server.http.paths import PATHS, is_translation, live_request_of, path_of, top_of, url_of
from duologue.server.http.voices import voices_of
from duologue.server.http_pages import http_pages
from duologue.server.ids import ids_of_worker, new_id
from duologue.server.limits import Limits
from duologue.server.live.live_errors import live_error
from duologue.server.live.live_sessions import LiveSessions
from duologue.server.mcp.servers import McpAccess
from duologue.server.open_sessions import DrainManner, OpenSessions, Served
from duologue.server.readiness import EngineProbes
from duologue.server.realtime_sessions import RealtimeSession, RealtimeSessions
from duologue.server.recordings.recording_folder import RecordingFolder
from duologue.server.rejections import Rejection
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import LiveRequest
from duologue.server.shared.memory_store import MemoryStore
from duologue.server.shared.store import SharedStore
from duologue.server.shared.supervisor import Supervisor
from duologue.server.tap.tapped_session import TappedSession
from duologue.server.tap.taps import Tap
from duologue.server.telemetry.joined_trace import joined_trace
from duologue.server.telemetry.log import LogObserver, log_event
from duologue.server.telemetry.metrics import Metrics
from duologue.server.telemetry.observer import Observer, Observers
from duologue.server.telemetry.tracing import traces
from duologue.transports import Transport
from duologue.transports.asgi import ADMISSION, ASGIApplication, ASGIReceive, ASGISend, ASGITransport, Scope

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from duologue.transports.webrtc.peer import PeerFigures, PeerSettings, Stack

__all__ = ["RealtimeApp", "app"]

_MakeEngines = Callable[[], AbstractAsyncContextManager[Engines]]


class RealtimeApp:
    """Serves sessions, which share one set of engines.

    `engines` is entered at start-up and left at shut-down; the default loads the engines of the package. With one
    `api_key` or several, clients must present one. `admin_key` alone ends the server by
    `/v1/admin/drain`, and opens no session; without it, each `api_key` ends it. With `models`, only these names are
    served; without, any name is.
    `origins` are those of web pages that may use the server (see `Admission`).

    `dialect` is the dialect of clients and of the answers to them. A client that requests the beta, by header or
    sub-protocol, is served in it; with `refuse_beta` it is rejected, as by the hosted service since May 2026.

    Sessions may use the MCP servers that `mcp` permits; without it, none.

    With an `upstream` the server is a relay: the sessions are the upstream's, no engines are loaded, and of `defaults`
    only the limits of one event apply. Client secrets are this server's own; their configuration is sent to the
    upstream first. Spans go to `tracer_provider`, by default the process's, and belong to the trace that a client's
    header `traceparent` names, unless `own_traces` is set. `new_id` makes an id for a kind of thing, such as `item`;
    for tests, which want the same ids in each run.

    Calls over WebRTC are served unless `webrtc` is false. Their peers are made by `stack`, by default the one of the
    extra `webrtc`, which is loaded at the first call; without it calls are rejected. `peer_settings` has their ports.

    With `named_keys` clients present one of these, whose callers have names and limits. `authenticate` is asked first,
    with the ASGI scope of every handshake and request: it returns a `Principal`, or None for a caller that it does not
    know, or an awaitable of these. It must not block, and has 10 s.

    Client secrets and rates are kept by `store`, by default in memory (`RedisStore`: in common with other machines);
    `supervisor` is set in a worker of `duologue serve --workers`. `drain` is how open sessions end with the server: at
    once (`now`), after a response under way (`turn`), or with their clients (`end`).

    With `record`, a folder, each session is recorded there (see `RecordingFolder`). `taps` are told every message.
    With `talk`, there is a page at `/talk` on which people talk to the server; it needs the key that others need.

    >>> from duologue.testing import scripted_app_engines
    >>> app = RealtimeApp(engines=scripted_app_engines(), api_key="sk-mine", models=["mine"])

    Any ASGI server runs it: `uvicorn module:app`, or `duologue.server.serve`.

    Raises:
        MissingExtra: a package of the extra `server` is not installed.
        RecordingError: there can be no recordings in the folder.
        ValueError: there is no such dialect, a key is blank, or the admin key is a caller's too.
    """

    def __init__(
        self,
        *,
        engines: _MakeEngines = load_default,
        api_key: str | Sequence[str] | None = None,
        admin_key: str | None = None,
        defaults: SessionDefaults | None = None,
        dialect: str = DEFAULT_DIALECT,
        refuse_beta: bool = False,
        upstream: Upstream | None = None,
        mcp: McpAccess | None = None,
        models: Sequence[str] = (),
        origins: Sequence[str] | None = None,
        limits: Limits | None = None,
        observers: Sequence[Observer] = (),
        tracer_provider: TracerProvider | None = None,
        new_id: Callable[[str], str] = new_id,
        record: str | os.PathLike[str] | RecordingFolder | None = None,
        taps: Sequence[Tap] = (),
        webrtc: bool = True,
        stack: Stack | None = None,
        peer_settings: PeerSettings | None = None,
        talk: bool = False,
        named_keys: Sequence[NamedKey] = (),
        authenticate: Authenticate | None = None,
        own_traces: bool = False,
        store: SharedStore | None = None,
        supervisor: Supervisor | None = None,
        drain: DrainManner = "turn",
    ) -> None:
        if dialect not in PROFILES:
            raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
        self.upstream = upstream
        self.defaults: SessionDefaults = defaults or SessionDefaults()
        self.limits: Limits = limits or Limits()
        self.created_at: int = int(unix_time())
        self._make_engines = engines
        self.new_id: Callable[[str], str] = new_id if supervisor is None else ids_of_worker(new_id, supervisor.number)
        self._models = tuple(models)
        self.budget: Budget = Budget(
            max_bytes=self.limits.max_memory_bytes, max_owner_bytes=self.limits.max_owner_bytes
        )
        if store is None:
            store = MemoryStore(
                max_values=self.limits.client_secrets,
                max_bytes=self.limits.max_client_secret_bytes,
                max_owner_bytes=self.limits.max_owner_client_secret_bytes,
                budget=self.budget,
            )
        self.store = store
        self.secrets: ClientSecrets = ClientSecrets(self.store)
        keys = Keys(
            [api_key] if isinstance(api_key, str) else api_key or (),
            named=[(key.name, key.sha256) for key in named_keys],
        )
        allowances = Allowances({key.name: key.allowance for key in named_keys})
        self._authenticate = authenticate
        self.admission: Admission = Admission(
            keys=keys,
            store=self.store,
            limits=self.limits,
            origins=origins,
            models=models,
            dialect=dialect,
            refuse_beta=refuse_beta,
            lenient=self.defaults.lenient,
            allowances=allowances,
            authenticates=authenticate is not None,
            admin_key=admin_key,
        )
        long_work = asyncio.Lock()
        self._live = LiveSessions(
            defaults=self.defaults,
            limits=self.limits,
            budget=self.budget,
            models=models,
            allowances=allowances,
            long_work=long_work,
            new_id=self.new_id,
        )
        self.realtime: RealtimeSessions = RealtimeSessions(
            defaults=self.defaults,
            limits=self.limits,
            budget=self.budget,
            upstream=upstream,
            mcp=mcp,
            long_work=long_work,
            models=self._models,
            new_id=new_id,
        )
        self.supervisor = supervisor
        self.open_sessions: OpenSessions = OpenSessions(self.limits, allowances, supervisor)
        self.drain_manner: DrainManner = drain
        self.drain_requested: asyncio.Event = asyncio.Event()
        """Set when a client with a key has asked for the end (`request_drain`)."""
        number = None if supervisor is None else supervisor.number
        self.calls: ServedCalls = ServedCalls(stack=stack, settings=peer_settings, webrtc=webrtc, worker=number)
        self.metrics: Metrics = Metrics(budget=self.budget)
        self._owner_figures = self.metrics.owners
        self.call_ended: Callable[[PeerFigures | None], None] = self.metrics.call_ended
        """Told what was measured of a call, at its end."""
        self._own_traces = own_traces
        tracing = traces(tracer_provider)
        self._observers: tuple[Observer, ...] = (self.metrics, *((tracing,) if tracing is not None else ()), *observers)
        folder = RecordingFolder(record) if isinstance(record, str | os.PathLike) else record
        self._recordings = folder
        self._taps: tuple[Tap, ...] = (*((folder,) if folder is not None else ()), *taps)
        self._pages = http_pages(self, self.metrics, talk=talk)
        self._probes: EngineProbes | None = None
        self._mounted: dict[str, ASGIApplication] = {}
        self._wait = asyncio.sleep

    # --- for the routes

    @property
    def sessions_open(self) -> int:
        """The number of open sessions."""
        return len(self.open_sessions)

    @property
    def ready(self) -> bool:
        """Whether sessions can be served."""
        return self.open_sessions.ready

    @property
    def serving(self) -> bool:
        """Whether a new client would be served: by this process, or by the one that takes its place."""
        return (self.ready and not self.draining) or (self.supervisor is not None and self.supervisor.replaced)

    @property
    def draining(self) -> bool:
        """Whether the server accepts no more sessions, because it ends."""
        return self.open_sessions.draining

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names of the served models; the default model if any name is served."""
        return self._models or (self.defaults.model,)

    @property
    def required_models(self) -> tuple[str, ...]:
        """Names of which a session must have one; none if any name is served."""
        return self._models

    async def engine_faults(self) -> Mapping[str, str]:
        """By kind of engine, why the service behind it cannot be used; empty if all can."""
        return await self._probes.faults() if self._probes is not None else {}

    def voices(self) -> dict[str, Any]:
        """The voices and languages of the engines, for clients."""
        return voices_of(self.realtime.engines, self.defaults.voice)

    def serves(self, model: str) -> bool:
        """Whether sessions may have this model."""
        return not self._models or model in self._models

    def mount(self, top: str, application: ASGIApplication) -> None:
        """Have paths that begin with `/{top}` served by another application, which says itself who may use it."""
        self._mounted[top] = application

    # --- start-up and shut-down

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        with nullcontext() if self._own_traces else joined_trace(scope):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        if (mounted := self._mounted.get(top_of(scope))) is not None:
            await mounted(scope, receive, send)
            return
        if self._authenticate is not None:
            await identify(self._authenticate, scope)
        match scope["type"]:
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket" if path_of(scope) in PATHS and "call_id" in query(scope):
                await self._serve_sideband(scope, receive, send)
            case "websocket" if path_of(scope) in PATHS or is_translation(scope):
                await self._serve(scope, receive, send)
            case "websocket" if (wanted := live_request_of(scope)) is not None:
                await self._serve_live(wanted, scope, receive, send)
            case "websocket":
                await receive()
                await send_wrong_path(scope, send)
            case _:
                await self._pages(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Load the engines for a block, for servers and mounts without ASGI lifespan."""
        self.open_sessions.draining = False
        prepare()
        self._live.prepare()
        async with (
            self._recordings.running() if self._recordings is not None else nullcontext(),
            self._make_engines() if self.upstream is None else nullcontext() as self.realtime.engines,
            self.calls.running(),
        ):
            engines = self.realtime.engines
            self._probes = EngineProbes(engines) if engines is not None else None
            await self.store.fault()
            await self.engine_faults()  # a service that is down is in the log from the start, and its voices are known
            self.open_sessions.ready = True
            try:
                yield
            finally:
                self.open_sessions.ready, self.realtime.engines, self._probes = False, None, None
                await self.store.close()

    async def drain(self, *, within_s: float | None = None, manner: DrainManner | None = None) -> None:
        """Accept no more sessions, and end the open ones in this manner, by default the application's.

        After `within_s` seconds, by default the limit `drain_s`, or when cancelled, those that are left are ended too.
        All are closed with 1001.
        """
        await self.open_sessions.drain(within_s=within_s, manner=manner or self.drain_manner)

    def request_drain(self, manner: DrainManner | None = None) -> None:
        """Have what runs the server drain and end it, and all its workers."""
        if self.supervisor is not None:
            self.supervisor.request_drain(manner or self.drain_manner)
        else:
            self.begin_drain(manner)

    def begin_drain(self, manner: DrainManner | None = None) -> None:
        """Have what runs the server drain and end this process."""
        self.drain_manner = manner or self.drain_manner
        self.drain_requested.set()

    async def _lifespan(self, receive: ASGIReceive, send: ASGISend) -> None:
        await receive()
        running = self.running()
        try:
            await running.__aenter__()
        except Exception as fault:
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await running.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    # --- sessions

    async def _serve(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        transport, peer = ASGITransport(receive, send), peer_of(scope)
        try:
            # Before the handshake, so that a page of another origin learns nothing, not even the reason.
            self.admission.check_origin(scope)
        except Rejection as rejection:
            await self.reject(rejection, scope)
            await receive()
            await send({"type": "websocket.close", "code": rejection.close_code, "reason": rejection.close_reason})
            return
        try:
            await transport.accept(subprotocol_of(scope))
        except ConnectionClosed:
            log_event(logging.INFO, "client gone before its handshake")
            return
        principal: Principal | None = None
        with closing(self.tapped_session(url_of(scope))) as tapped, ExitStack() as held:
            try:
                principal = await self.admission.principal_of(scope, unix_now_s=unix_time())
                observer = self.observer(tapped, address=peer, owner=principal.owner)
                held.enter_context(await self.open_sessions.place(principal.owner))
                session = await self._admit(scope, principal, tapped, transport, observer)
            except Rejection as rejection:
                await self.reject(rejection, scope, principal)
                await send_rejection(transport, rejection, new_id=self.new_id)
                return
            with self.open_sessions.counted(session, principal.owner):
                await _run(session, transport, scope, principal.owner)

    async def _serve_sideband(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve another connection to a call's session. A rejection is an HTTP status where the server can send one."""
        transport, principal, asked = ASGITransport(receive, send), None, query(scope)
        try:
            self.admission.check_origin(scope)
            principal = await self.admission.principal_of(scope, unix_now_s=unix_time())
            if "model" in asked:
                raise Rejection("call_has_model")
            self.open_sessions.check_room(principal.owner, joins=True)
            call = self.calls.find(asked["call_id"][-1], principal)
            if call is None:
                raise Rejection("no_call_to_join", call_id=printable_name(asked["call_id"][-1]))
            observer = self.observer(address=peer_of(scope), owner=principal.owner)
            sideband = CallSideband(call, transport, observer=observer, new_id=self.new_id)
        except Rejection as rejection:
            await self.reject(rejection, scope, principal)
            error = encode(rejection.event(self.new_id("event"))).decode("utf-8")
            await refuse(rejection, error, scope, receive, send)
            return
        with self.open_sessions.counted(sideband, principal.owner):
            try:
                await transport.accept(subprotocol_of(scope))
            except ConnectionClosed:
                log_event(logging.INFO, "client gone before its handshake")
                return
            await _run(sideband, transport, scope, principal.owner)

    async def _serve_live(self, wanted: LiveRequest, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve a Live session or a sideband. A rejection is the HTTP status of the handshake, as at the hosted
        service, where the server can send one."""
        transport = ASGITransport(receive, send)
        with closing(self.tapped_session(url_of(scope))) as tapped, ExitStack() as held:
            try:
                self.admission.check_origin(scope)
                owner = await self.admission.live_owner_of(scope, now=unix_time(), unix_now_s=unix_time())
                held.enter_context(await self.open_sessions.place(owner, joins=wanted.verb == "attach"))
                tapped.about(family="live", subject=owner)
                observer = self.observer(tapped, address=peer_of(scope), owner=owner)
                session = self.admit_live(wanted, tapped.around(transport), owner, observer)
            except Rejection as rejection:
                await self.reject(rejection, scope)
                error = encode_live(live_error(rejection, self.new_id("event"))).decode("utf-8")
                await refuse(rejection, error, scope, receive, send)
                return
            with self.open_sessions.counted(session, owner):
                try:
                    await transport.accept(subprotocol_of(scope))
                except ConnectionClosed:
                    log_event(logging.INFO, "client gone before its handshake")
                    return
                await _run(session, transport, scope, owner)

    def admit_live(self, wanted: LiveRequest, transport: Transport, owner: str, observer: Observer) -> Served:
        """What serves this client of a Live path. Raises Rejection."""
        if self.upstream is not None:
            return self._live.relay(wanted, transport, upstream=self.upstream, observer=observer)
        engines = self.realtime.engines
        assert engines is not None, "no session is admitted before the engines are loaded"
        return self._live.serve(wanted, transport, owner=owner, engines=engines, observer=observer)

    async def reject(self, rejection: Rejection, scope: Scope, principal: Principal | None = None) -> None:
        """Report the rejection to the observers, and wait until it may be sent to the client."""
        owner = {} if principal is None else {"owner": principal.owner}
        self.observer(address=peer_of(scope), **owner).turned_away(rejection.name)
        if delay_s := await self.admission.delay_s(rejection, scope, now=unix_time()):
            await self._wait(delay_s)

    def cut(self, reason: str) -> None:
        """A limit has ended a connection; the caller logs it."""
        for each in self._observers:
            each.turned_away(reason)

    def tapped_session(self, url: str) -> TappedSession:
        """Tells the taps of a session, whose client has connected to this URL. The caller closes it."""
        return TappedSession(self._taps, url=url)

    def observer(self, *others: Observer, **facts: str) -> Observers:
        """All observers, with a log that has these facts of the client."""
        figures = self._owner_figures.of(facts["owner"]) if "owner" in facts else None
        return Observers((*self._observers, LogObserver(**facts), *([figures] if figures is not None else []), *others))

    async def _admit(
        self, scope: Scope, principal: Principal, tapped: TappedSession, accepted: ASGITransport, observer: Observer
    ) -> RealtimeSession:
        """The session or relay for this client. Raises Rejection."""
        session_start = await self.admission.session_start_of(scope, principal, now=unix_time())
        tapped.about(
            family="translation" if session_start.translates else "realtime",
            subject=principal.owner,
            model=session_start.model or self.realtime.default_model,
            dialect=session_start.dialect,
        )
        transport = tapped.around(accepted)
        return self.realtime.serve(transport, session_start, owner=principal.owner, observer=observer)


async def _run(session: Served, transport: ASGITransport, scope: Scope, owner: str) -> None:
    """Have the server read what this client sends, and serve it."""
    if ADMISSION in (scope.get("extensions") or {}):
        await transport.admit(owner)
    await session.run()


def app() -> RealtimeApp:
    """The application with all defaults, for `uvicorn --factory duologue.server:app`."""
    return RealtimeApp()
