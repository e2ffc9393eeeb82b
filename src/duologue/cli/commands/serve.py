"""`duologue serve`: runs the server."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import Group, Parameter
from msgspec.structs import replace

from duologue.cli.byte_sizes import bytes_of
from duologue.cli.call.call import check_url
from duologue.cli.errors import UsageError, check_exists
from duologue.cli.local_server import KEY_VARIABLE, LISTENING
from duologue.cli.log_format import LogFormat, LogLevel, start_logging
from duologue.cli.run import run_to_end
from duologue.cli.webrtc_settings import webrtc_settings
from duologue.client.asyncio.connect import open_endpoint
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.live.urls import attach_url, fork_url, primary_url
from duologue.client.translation.urls import translation_endpoint
from duologue.dialects import PROFILES
from duologue.engines.registry import Kind, load_default
from duologue.errors import DuologueError, RecordingError
from duologue.protocol import SessionDefaults
from duologue.server import (
    Inspector,
    Limits,
    LiveRequest,
    McpAccess,
    RealtimeApp,
    RecordingFolder,
    SessionStart,
    Upstream,
    limits_of,
    loop_factory,
    raise_descriptor_limit,
    serving_inspector,
    tls_context,
    tune_process,
)
from duologue.server import serve as run_server
from duologue.server.talk.address import talk_address
from duologue.transports import Transport
from duologue.transports.webrtc.peer import PeerSettings, Stack

__all__ = ["ServeOptions", "serve"]

_ORPHAN_DRAIN_S: Final = 2.0
"""With --until-eof: the parent kills the server 8 s after the end of standard input, and engines need up to 5 s."""


_UPSTREAM_KEY_VARIABLE: Final = "DUOLOGUE_UPSTREAM_KEY"
"""Arguments can be read by every user of a machine, the environment cannot."""


_RECORD_LIMIT: Final = "10GB"
"""A client may talk as long as it likes, and ten of them fill it in three hours: an hour of a call has 300 MB."""

_INSPECT_KEEP: Final = 50

_LISTENING: Final = Group("Listening", sort_key=1)
_ADMISSION: Final = Group("Who may use it, and how much", sort_key=2)
_SESSIONS: Final = Group("Sessions", sort_key=3)
_ENGINES: Final = Group("Engines", sort_key=4)
_RELAY: Final = Group("Relay, instead of engines", sort_key=5)
_OPERATION: Final = Group("Operation", sort_key=6)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of `serve`."""

    host: Annotated[
        str, Parameter(group=_LISTENING, help="Address to listen on; 0.0.0.0 accepts connections from other machines.")
    ] = "127.0.0.1"
    port: Annotated[int, Parameter(group=_LISTENING, help="Port to listen on; 0 chooses a free one.")] = 8000
    tls_cert: Annotated[
        Path | None, Parameter(group=_LISTENING, help="Serve wss:// with this certificate and its chain, in PEM.")
    ] = None
    tls_key: Annotated[
        Path | None, Parameter(group=_LISTENING, help="Key of --tls-cert, if it is in another file.")
    ] = None
    no_webrtc: Annotated[
        bool, Parameter(group=_LISTENING, negative="", help="Serve WebSockets alone, no calls over WebRTC.")
    ] = False
    udp_ports: Annotated[
        str | None,
        Parameter(
            group=_LISTENING,
            help="UDP ports of calls over WebRTC, as 40000-40100, for firewalls and containers. A call takes one of "
            "each address of the machine. By default any.",
        ),
    ] = None
    public_address: Annotated[
        str | None,
        Parameter(
            group=_LISTENING,
            help="Address at which callers over WebRTC reach the UDP ports: of the machine, where this is a container, "
            "or of the router in front. By default the machine's own addresses.",
        ),
    ] = None
    webrtc_stack: Annotated[
        str | None, Parameter(group=_LISTENING, help="Implementation of WebRTC; a wrong name lists them all.")
    ] = None
    api_key: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help=f"Serve only clients that present this key. May be given more than once. By default {KEY_VARIABLE}, "
            "if that is set: keys separated by commas.",
        ),
    ] = ()
    allow_origin: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help="Accept browser pages of this origin only, * for any. May be given more than once. By default any if "
            "a key is required, else those of this machine.",
        ),
    ] = ()
    llm: Annotated[
        str | None, Parameter(group=_ENGINES, help="Answer with a chat endpoint: its URL without /chat/completions.")
    ] = None
    llm_model: Annotated[str | None, Parameter(group=_ENGINES, help="Model of --llm.")] = None
    llm_key: Annotated[str | None, Parameter(group=_ENGINES, help="Key for --llm.")] = None
    llm_file: Annotated[
        Path | None, Parameter(group=_ENGINES, help="Answer with a language model in this process: its GGUF file.")
    ] = None
    model: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help="Accept this model name and reject others. May be given more than once. By default any name.",
        ),
    ] = ()
    voice: Annotated[str, Parameter(group=_SESSIONS, help="Voice of sessions that do not set one.")] = "alloy"
    instructions: Annotated[str, Parameter(group=_SESSIONS, help="Instructions of sessions that do not set any.")] = ""
    detector: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the voice detector.")] = None
    transcriber: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the transcriber.")] = None
    responder: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the responder.")] = None
    synthesizer: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the synthesizer.")] = None
    translator: Annotated[
        str | None,
        Parameter(
            group=_ENGINES,
            help="Name of the translator; by default --llm, else echo, which says the words again untranslated.",
        ),
    ] = None
    dialect: Annotated[
        str,
        Parameter(
            group=_SESSIONS,
            help="Answer in this vendor's dialect: openai-beta, qwen, xai …; a wrong name lists them all.",
        ),
    ] = "openai"
    mcp: Annotated[
        tuple[str, ...],
        Parameter(
            group=_SESSIONS,
            help="Let sessions use the tools of MCP servers at this address or below it; * for any, which lets clients "
            "reach every address that this machine can reach. May be given more than once. By default none.",
        ),
    ] = ()
    lenient: Annotated[
        bool,
        Parameter(
            group=_SESSIONS,
            help="Tolerate and log faults of clients that the hosted service rejects, where they do no harm.",
        ),
    ] = False
    refuse_beta: Annotated[
        bool, Parameter(group=_ADMISSION, help="Reject clients that request the beta, as the hosted service does.")
    ] = False
    upstream: Annotated[
        str | None, Parameter(group=_RELAY, help="Relay all sessions to the realtime API at this URL.")
    ] = None
    upstream_dialect: Annotated[
        str | None, Parameter(group=_RELAY, help="Dialect of --upstream; by default derived from its URL, else openai.")
    ] = None
    upstream_key: Annotated[
        str | None,
        Parameter(group=_RELAY, help=f"Key for --upstream; by default {_UPSTREAM_KEY_VARIABLE}, if that is set."),
    ] = None
    upstream_model: Annotated[
        str | None, Parameter(group=_RELAY, help="Model to request from --upstream; by default the client's.")
    ] = None
    limit: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION, help="NAME=NUMBER, such as sessions=200 or idle_s=600. May be given more than once."
        ),
    ] = ()
    record: Annotated[
        Path | None,
        Parameter(
            group=_OPERATION,
            help="Record each session to a file of its own in this folder, which its owner alone can read: all words "
            "and voices, and no keys.",
        ),
    ] = None
    record_limit: Annotated[
        str, Parameter(group=_OPERATION, help="What the recordings in --record may hold together; then they stop.")
    ] = _RECORD_LIMIT
    inspect: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            negative="",
            help="Show the calls in a browser of this machine while they go on: prints a second line with the address, "
            "which is all that it takes to see and hear them.",
        ),
    ] = False
    inspect_port: Annotated[
        int, Parameter(group=_OPERATION, help="Port of --inspect, on 127.0.0.1; by default a free one.")
    ] = 0
    inspect_keep: Annotated[
        int, Parameter(group=_OPERATION, help="Sessions that --inspect keeps in memory, the latest ones.")
    ] = _INSPECT_KEEP
    talk: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            help="Serve a page on which people talk to the server in their browser; prints a line with its address. It "
            "needs the key that other clients need.",
        ),
    ] = True
    log_level: Annotated[LogLevel, Parameter(group=_OPERATION, help="Lowest level to log on standard error.")] = (
        "warning"
    )
    log_format: Annotated[LogFormat, Parameter(group=_OPERATION, help="Lines for people, or JSON for programs.")] = (
        "text"
    )
    until_eof: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            help="Stop when standard input ends: for programs that start the server as a child process.",
        ),
    ] = False


_STANDARD = ServeOptions()


def serve(*, options: ServeOptions = _STANDARD) -> int:
    """Serve Realtime and Live, by default with speech engines that need no network and no key.

    Prints one line with its URL. Ctrl-C or SIGTERM stops it after the responses in progress, a second one stops it at
    once. After one SIGTERM the exit code is 0.
    """
    names, settings = _engines(options)
    if not all(key.strip() for key in options.api_key):
        raise UsageError("--api-key is empty: omit it to require no key")
    if options.dialect not in PROFILES:
        raise UsageError(f"no dialect {options.dialect!r}; known: {', '.join(PROFILES)}")
    limits, defaults = _limits(options)
    tls = _tls(options)
    record, inspector = _recordings(options), _inspector(options)
    stack, peer_settings = _webrtc(options)
    start_logging(options.log_level, options.log_format)
    raise_descriptor_limit()
    application = RealtimeApp(
        engines=partial(load_default, names, options=settings),
        api_key=options.api_key or _keys_of_the_environment(),
        defaults=defaults,
        models=options.model,
        origins=options.allow_origin or None,
        limits=limits,
        dialect=options.dialect,
        refuse_beta=options.refuse_beta,
        upstream=_upstream(options),
        mcp=_mcp(options),
        record=record,
        taps=() if inspector is None else (inspector,),
        talk=options.talk,
        webrtc=not options.no_webrtc,
        stack=stack,
        peer_settings=peer_settings,
    )
    serving = _serve(application, options, tls, inspector, webrtc=stack is not None)
    return run_to_end(serving, loop_factory=loop_factory(), terminated=0)


async def _serve(
    application: RealtimeApp,
    options: ServeOptions,
    tls: SSLContext | None,
    inspector: Inspector | None,
    *,
    webrtc: bool,
) -> int:
    serving = asyncio.current_task()
    assert serving is not None
    ended = threading.Event()
    if options.until_eof:
        _at_eof(asyncio.get_running_loop(), serving, ended)
    try:
        async with serving_inspector(inspector, port=options.inspect_port) if inspector else nullcontext() as address:
            say_where = partial(_say_where, inspector=address, webrtc=webrtc, talk=options.talk)
            await run_server(application, host=options.host, port=options.port, tls=tls, on_listening=say_where)
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
    return 0


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


def _recordings(options: ServeOptions) -> RecordingFolder | None:
    """Where sessions are recorded. Raises UsageError."""
    if options.record is None:
        if options.record_limit != _RECORD_LIMIT:
            raise UsageError("--record-limit belongs to --record FOLDER")
        return None
    max_bytes = bytes_of(options.record_limit, option="--record-limit")
    try:
        return RecordingFolder(options.record, max_bytes=max_bytes)
    except RecordingError as fault:
        raise UsageError(f"--record: {fault}") from fault


def _inspector(options: ServeOptions) -> Inspector | None:
    """What keeps the sessions to be looked at. Raises UsageError."""
    if not options.inspect:
        if options.inspect_port or options.inspect_keep != _INSPECT_KEEP:
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


def _keys_of_the_environment() -> list[str]:
    return [key for each in os.environ.get(KEY_VARIABLE, "").split(",") if (key := each.strip())]


def _engines(options: ServeOptions) -> tuple[Mapping[Kind, str], Mapping[Kind, Mapping[str, object]]]:
    """Names and options of the chosen engines. Raises UsageError for options that contradict each other."""
    if options.llm is not None and options.llm_file is not None:
        raise UsageError("--llm and --llm-file exclude each other: choose one")
    if options.llm is None and (options.llm_model is not None or options.llm_key is not None):
        raise UsageError("--llm-model and --llm-key belong to --llm URL")
    if (options.llm or options.llm_file) is not None and options.responder is not None:
        raise UsageError("--llm and --llm-file choose the responder: omit --responder")
    chosen: dict[Kind, str | None] = {
        "detector": options.detector,
        "transcriber": options.transcriber,
        "responder": options.responder,
        "synthesizer": options.synthesizer,
        "translator": options.translator,
    }
    settings: dict[Kind, Mapping[str, object]] = {}
    if options.llm is not None:
        if options.llm_model is None:
            raise UsageError("--llm needs --llm-model, the name of the model")
        chosen["responder"] = "chat"
        settings["responder"] = {"url": options.llm, "model": options.llm_model, "api_key": options.llm_key}
        if options.translator in (None, "chat"):
            chosen["translator"], settings["translator"] = "chat", settings["responder"]
    elif options.llm_file is not None:
        check_exists(options.llm_file)
        chosen["responder"] = "llm"
        settings["responder"] = {"file": options.llm_file}
    return {kind: name for kind, name in chosen.items() if name is not None}, settings


def _upstream(options: ServeOptions) -> Upstream | None:
    """The API to relay to. Raises UsageError for options that exclude each other."""
    if options.upstream is None:
        if (options.upstream_dialect or options.upstream_key or options.upstream_model) is not None:
            raise UsageError("--upstream-dialect, --upstream-key and --upstream-model belong to --upstream URL")
        return None
    chosen = (options.llm, options.llm_file, options.detector, options.transcriber, options.responder)
    if options.mcp or any(choice is not None for choice in (*chosen, options.synthesizer, options.translator)):
        raise UsageError("--upstream runs the sessions: engines, --llm and --mcp have no effect, omit them")
    place = Endpoint(
        url=check_url(options.upstream),
        api_key=options.upstream_key or os.environ.get(_UPSTREAM_KEY_VARIABLE) or None,
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


def _say_where(url: str, *, inspector: str | None, webrtc: bool, talk: bool) -> None:
    tune_process()
    lines = [f"{LISTENING}{url}"]
    if webrtc:
        lines.append(f"calls over WebRTC are made at {re.sub('^ws', 'http', url)}/calls")
    if inspector is not None:
        lines.append(f"calls are seen at {inspector}")
    if talk:
        lines.append(f"talk to it at {talk_address(url, inspector=inspector)}")
    print("\n".join(lines), flush=True)


def _at_eof(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[int], ended: threading.Event) -> None:
    """Cancel the server when standard input ends. In a thread: not every loop can wait for a pipe."""

    def wait() -> None:
        # Not through sys.stdin: its lock would still be held when the interpreter ends.
        while os.read(0, 4096):
            pass
        ended.set()
        loop.call_soon_threadsafe(serving.cancel)

    threading.Thread(target=wait, name="standard-input", daemon=True).start()
