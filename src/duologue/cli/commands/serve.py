"""`duologue serve`: runs the server."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from ssl import SSLContext
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from duologue.cli.byte_sizes import bytes_of
from duologue.cli.call.call import check_url
from duologue.cli.errors import UsageError, check_exists
from duologue.cli.log_format import start_logging
from duologue.cli.run import run_to_end
from duologue.cli.serving.announcement import announce
from duologue.cli.serving.engine_choice import chosen_engines
from duologue.cli.serving.options import INSPECT_KEEP, RECORD_LIMIT, ServeOptions
from duologue.cli.serving.phones import Phones
from duologue.cli.serving.secret_files import key_of
from duologue.cli.serving.shared_store import shared_store
from duologue.cli.serving.standard_input import until_eof
from duologue.cli.serving.workers import become_parent, bound_socket, worker_count
from duologue.cli.webrtc_settings import webrtc_settings
from duologue.client.asyncio.connect import open_endpoint
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.live.urls import attach_url, fork_url, primary_url
from duologue.client.translation.urls import translation_endpoint
from duologue.dialects import PROFILES
from duologue.engines.registry import Kind, load_default
from duologue.errors import DuologueError, RecordingError
from duologue.printable import printable_name
from duologue.protocol import SessionDefaults
from duologue.server import (
    Inspector,
    Limits,
    LiveRequest,
    McpAccess,
    NamedKey,
    RealtimeApp,
    RecordingFolder,
    SessionStart,
    Upstream,
    limits_of,
    loop_factory,
    raise_descriptor_limit,
    read_key_file,
    serving_inspector,
    tls_context,
    tune_process,
)
from duologue.server import serve as run_server
from duologue.server.http.auth import Keys
from duologue.server.workers.worker import run_worker
from duologue.server.workers.worker_limits import limits_of_worker
from duologue.server.workers.worker_link import WorkerLink
from duologue.server.workers.worker_place import worker_place
from duologue.transports import Transport
from duologue.transports.addresses import is_loopback
from duologue.transports.webrtc.peer import PeerSettings, Stack

__all__ = ["serve"]

_ORPHAN_DRAIN_S: Final = 2.0
"""With --until-eof: the parent kills the server 8 s after the end of standard input, and engines need up to 5 s."""

_STANDARD = ServeOptions()


def serve(*, options: ServeOptions = _STANDARD) -> int:
    """Serve Realtime and Live, by default with speech engines that need no network and no key.

    Prints one line with its URL, and others that say what else there is. Ctrl-C or SIGTERM stops it after the responses
    in progress, a second one stops it at once. After one SIGTERM the exit code is 0.
    """
    names, settings = chosen_engines(options)
    if not all(key.strip() for key in options.api_key):
        raise UsageError("--api-key is empty: omit it to require no key")
    if options.dialect not in PROFILES:
        raise UsageError(f"no dialect {options.dialect!r}; known: {', '.join(PROFILES)}")
    limits, defaults = _limits(options)
    admin_key = key_of(options.admin_key, options.admin_key_file, option="--admin-key")
    tls = _tls(options)
    place, workers = worker_place(os.environ), worker_count(options)
    start_logging(options.log_level, options.log_format)
    if place is None:
        _warn_of_no_key(options)
    raise_descriptor_limit()
    bound = bound_socket(options) if place is None else None
    named_keys, upstream, mcp = _named_keys(options), _upstream(options), _mcp(options)
    _check_admin_key(admin_key, options, named_keys)
    shared, phones = shared_store(options, limits), Phones.of(options, limits)
    if place is not None:
        limits = limits_of_worker(limits, place.workers)
    if workers is not None and place is None:
        become_parent(options, workers, bound, tls=tls is not None, phones=phones)
    record, inspector = _recordings(options, share=place.workers if place is not None else 1), _inspector(options)
    stack, peer_settings = _webrtc(options)
    link = WorkerLink.of(place) if place is not None else None
    if place is not None and names.get("responder") == "llm":
        with_threads: dict[Kind, Mapping[str, object]] = dict(settings)
        with_threads["responder"] = {"threads": place.threads, **settings["responder"]}
        settings = with_threads
    application = RealtimeApp(
        engines=partial(load_default, names, options=settings, threads=place.threads if place is not None else None),
        api_key=options.api_key,
        admin_key=admin_key,
        named_keys=named_keys,
        defaults=defaults,
        models=options.model,
        origins=options.allow_origin or None,
        limits=limits,
        dialect=options.dialect,
        refuse_beta=options.refuse_beta,
        upstream=upstream,
        mcp=mcp,
        record=record,
        taps=() if inspector is None else (inspector,),
        talk=not options.no_talk,
        own_traces=options.own_traces,
        webrtc=not options.no_webrtc,
        stack=stack,
        peer_settings=peer_settings,
        store=shared or link,
        supervisor=link,
        drain=options.drain,
    )
    if phones is not None:
        phones.mount(application)
    if link is not None and place is not None:
        serving = run_worker(application, link, place, tls=tls, tune=tune_process)
    else:
        serving = _serve(application, options, tls, inspector, bound, phones, webrtc=stack is not None)
        if options.until_eof:
            serving = until_eof(serving)
    return run_to_end(serving, loop_factory=loop_factory(), terminated=0)


async def _serve(
    application: RealtimeApp,
    options: ServeOptions,
    tls: SSLContext | None,
    inspector: Inspector | None,
    bound: socket.socket | None,
    phones: Phones | None,
    *,
    webrtc: bool,
) -> int:
    async with (
        serving_inspector(inspector, port=options.inspect_port) if inspector else nullcontext() as address,
        phones.taking_calls(application) if phones is not None else nullcontext(),
    ):

        def listening(url: str) -> None:
            tune_process()
            lines = phones.lines(url) if phones is not None else ()
            announce(url, *lines, inspector=address, webrtc=webrtc, talk=not options.no_talk)

        await run_server(
            application, host=options.host, port=options.port, tls=tls, bound=bound, on_listening=listening
        )
    return 0


def _named_keys(options: ServeOptions) -> tuple[NamedKey, ...]:
    """The keys of the file. Raises UsageError."""
    if options.key_file is None:
        return ()
    try:
        return read_key_file(options.key_file)
    except OSError as fault:
        raise UsageError(f"--key-file: cannot read {options.key_file}: {fault.strerror or fault}") from fault
    except ValueError as fault:
        raise UsageError(f"--key-file: {fault}") from fault


def _check_admin_key(admin_key: str | None, options: ServeOptions, named_keys: tuple[NamedKey, ...]) -> None:
    """Raise UsageError for an admin key that callers have too: it would open sessions, and theirs end the server."""
    keys = Keys(options.api_key, named=[(each.name, each.sha256) for each in named_keys])
    if admin_key is not None and keys.owner_of(admin_key) is not None:
        raise UsageError("the admin key is a key of callers too: choose another one")


def _warn_of_no_key(options: ServeOptions) -> None:
    """Say in the log that other machines may use the server without a key."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    if is_loopback(f"http://{host}"):
        return
    logger = logging.getLogger("duologue.server")
    if options.phone_open:
        logger.warning(
            "--phone-open, and %s is not this machine alone: all who can reach it may call, and what a call costs is"
            " yours",
            printable_name(options.host),
        )
    if options.api_key or options.key_file is not None:
        return
    logger.warning(
        "no key is asked for, and %s is not this machine alone: all who can reach it may use the server, and what it"
        " pays for. Set DUOLOGUE_API_KEY, or name a file with --key-file",
        printable_name(options.host),
    )


def _limits(options: ServeOptions) -> tuple[Limits, SessionDefaults]:
    """Limits of the server, and initial settings of its sessions. Raises UsageError."""
    defaults = SessionDefaults(voice=options.voice, instructions=options.instructions, lenient=options.lenient)
    if options.model:
        defaults = replace(defaults, model=options.model[0])
    try:
        limits, defaults = limits_of(options.limit, defaults)
    except DuologueError as fault:
        raise UsageError(str(fault)) from fault
    if options.until_eof:
        limits = replace(limits, drain_s=min(limits.drain_s, _ORPHAN_DRAIN_S))
    return limits, defaults


def _mcp(options: ServeOptions) -> McpAccess | None:
    try:
        return McpAccess(*options.mcp) if options.mcp else None
    except ValueError as fault:
        raise UsageError(f"--mcp {fault}") from fault


def _tls(options: ServeOptions) -> SSLContext | None:
    if options.tls_cert is None:
        if options.tls_key is not None:
            raise UsageError("--tls-key belongs to --tls-cert")
        return None
    check_exists(*(path for path in (options.tls_cert, options.tls_key) if path is not None))
    return tls_context(options.tls_cert, options.tls_key)


def _recordings(options: ServeOptions, *, share: int) -> RecordingFolder | None:
    """Where sessions are recorded, by this process and others with as large a share of the space. Raises UsageError."""
    if options.record is None:
        if options.record_limit != RECORD_LIMIT:
            raise UsageError("--record-limit belongs to --record FOLDER")
        return None
    max_bytes = bytes_of(options.record_limit, option="--record-limit") // share
    try:
        return RecordingFolder(options.record, max_bytes=max_bytes)
    except RecordingError as fault:
        raise UsageError(f"--record: {fault}") from fault


def _inspector(options: ServeOptions) -> Inspector | None:
    """What keeps the sessions to be looked at. Raises UsageError."""
    if not options.inspect:
        if options.inspect_port or options.inspect_keep != INSPECT_KEEP:
            raise UsageError("--inspect-port and --inspect-keep belong to --inspect")
        return None
    try:
        return Inspector(keep=options.inspect_keep)
    except ValueError as fault:
        raise UsageError(f"--inspect-keep: {fault}") from fault


def _webrtc(options: ServeOptions) -> tuple[Stack | None, PeerSettings]:
    """What makes the peers of calls, and their settings; None: there are no calls. Raises UsageError."""
    asked = options.udp_ports, options.public_address, options.webrtc_stack
    if not options.no_webrtc:
        return webrtc_settings(*asked)
    if any(each is not None for each in asked):
        raise UsageError("--no-webrtc excludes --udp-ports, --public-address and --webrtc-stack")
    return None, PeerSettings()


def _upstream(options: ServeOptions) -> Upstream | None:
    """The API to relay to. Raises UsageError for options that exclude each other."""
    if options.upstream is None:
        if (options.upstream_dialect or options.upstream_key_file or options.upstream_model) is not None:
            raise UsageError("--upstream-dialect, --upstream-key and --upstream-model belong to --upstream URL")
        return None
    chosen = (options.llm, options.llm_file, options.detector, options.transcriber, options.responder)
    others = (options.transcriber_url, options.synthesizer_url, options.synthesizer, options.translator)
    if options.mcp or options.engine_option or any(choice is not None for choice in (*chosen, *others)):
        raise UsageError("--upstream runs the sessions: engines, --llm and --mcp have no effect, omit them")
    place = Endpoint(
        url=check_url(options.upstream),
        api_key=key_of(options.upstream_key, options.upstream_key_file, option="--upstream-key"),
        dialect=options.upstream_dialect or AUTO,
        model=options.upstream_model,
    )
    try:
        dialect = place.dialect_detector().dialect
    except ValueError as fault:
        raise UsageError(str(fault)) from fault

    async def open_upstream(start: SessionStart) -> Transport:
        model, intent = options.upstream_model or start.model, None
        if start.kind == "transcription" and PROFILES[dialect].intent:
            # --upstream-model is a model that answers; transcription sessions set theirs in their configuration.
            model, intent = start.model, "transcription"
        if start.translates:
            # Nor is it one that translates.
            return await open_endpoint(replace(translation_endpoint(place), model=start.model, dialect=dialect))
        return await open_endpoint(replace(place, model=model, intent=intent, dialect=dialect))

    async def open_live(wanted: LiveRequest) -> Transport:
        from duologue.transports.websocket import open_websocket

        return await open_websocket(_live_url(place.url, wanted), headers=place.credentials().headers)

    return Upstream(open=open_upstream, dialect=dialect, model=options.upstream_model, open_live=open_live)


def _live_url(url: str, wanted: LiveRequest) -> str:
    """The URL of what is wanted at the server whose Realtime URL this is. Raises ConnectFailed."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    base = parts._replace(path=re.sub(r"/realtime/?$", "", parts.path), query="").geturl()
    match wanted.verb:
        case "start":
            return primary_url(base)
        case "attach":
            return attach_url(base, wanted.session_id, graceful_close=wanted.graceful_close)
        case "fork":
            return fork_url(base, wanted.session_id)
