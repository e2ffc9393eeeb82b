"""`duologue serve`: the server."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Annotated, Final

from cyclopts import Parameter
from msgspec.structs import replace

from duologue.cli.call.call import check_url
from duologue.cli.errors import UsageError, check_exists
from duologue.cli.local_server import KEY_VARIABLE, LISTENING
from duologue.cli.log_format import LogFormat, LogLevel, start_logging
from duologue.cli.run import run_to_end
from duologue.client.asyncio.connect import open_endpoint
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.dialects import PROFILES
from duologue.engines.registry import Kind, load_default
from duologue.errors import DuologueError
from duologue.protocol import SessionDefaults
from duologue.server import (
    Limits,
    McpAccess,
    RealtimeApp,
    SessionStart,
    Upstream,
    limits_of,
    loop_factory,
    raise_descriptor_limit,
    spare_the_collector,
    tls_context,
)
from duologue.server import serve as run_server
from duologue.transports import Transport

__all__ = ["ServeOptions", "serve"]

_ORPHAN_DRAIN_S: Final = 2.0
"""Whoever started the server and waits for its end kills it after 8 s, of which the engines have 5."""


_UPSTREAM_KEY_VARIABLE: Final = "DUOLOGUE_UPSTREAM_KEY"
"""Arguments can be read by every user of a machine, the environment cannot."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of `serve`."""

    host: Annotated[str, Parameter(help="Address to listen on; 0.0.0.0 takes calls from other machines.")] = "127.0.0.1"
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = 8000
    tls_cert: Annotated[Path | None, Parameter(help="Serve wss:// with this certificate and its chain, in PEM.")] = None
    tls_key: Annotated[Path | None, Parameter(help="Key of --tls-cert, if it is in a file of its own.")] = None
    api_key: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"Serve only clients that present this key. May be given more than once. By default {KEY_VARIABLE}, "
            "if that is set: keys with commas between them."
        ),
    ] = ()
    allow_origin: Annotated[
        tuple[str, ...],
        Parameter(
            help="Serve pages of this origin and no others, * for any. May be given more than once. By default any "
            "where a key is asked for, and those of this machine where none is."
        ),
    ] = ()
    llm: Annotated[str | None, Parameter(help="Let a chat endpoint answer: the URL in front of /chat/completions.")] = (
        None
    )
    llm_model: Annotated[str | None, Parameter(help="Model to ask --llm for.")] = None
    llm_key: Annotated[str | None, Parameter(help="Key for --llm.")] = None
    llm_file: Annotated[Path | None, Parameter(help="Let a language model in this process answer: its GGUF file.")] = (
        None
    )
    model: Annotated[
        tuple[str, ...],
        Parameter(help="Serve this model name and refuse others. May be given more than once. By default any name."),
    ] = ()
    voice: Annotated[str, Parameter(help="Voice of sessions that ask for none.")] = "alloy"
    instructions: Annotated[str, Parameter(help="System prompt of sessions that bring none.")] = ""
    detector: Annotated[str | None, Parameter(help="Voice detector, by its name.")] = None
    transcriber: Annotated[str | None, Parameter(help="Transcriber, by its name.")] = None
    responder: Annotated[str | None, Parameter(help="Responder, by its name.")] = None
    synthesizer: Annotated[str | None, Parameter(help="Synthesizer, by its name.")] = None
    dialect: Annotated[
        str, Parameter(help="Answer in this vendor's dialect: openai-beta, qwen, xai …; a wrong name lists them all.")
    ] = "openai"
    mcp: Annotated[
        tuple[str, ...],
        Parameter(
            help="Let sessions use the tools of MCP servers at this address or below it; * for any, which lets clients "
            "reach whatever this machine can. May be given more than once. By default none."
        ),
    ] = ()
    lenient: Annotated[
        bool, Parameter(help="Let pass what the hosted service refuses where it does no harm, and log it.")
    ] = False
    refuse_beta: Annotated[
        bool, Parameter(help="Turn clients away that ask for the shape of the beta, as the hosted service does.")
    ] = False
    upstream: Annotated[
        str | None, Parameter(help="Be a relay: the URL of the realtime API that holds the sessions.")
    ] = None
    upstream_dialect: Annotated[
        str | None, Parameter(help="What --upstream speaks; by default what its URL gives away, else openai.")
    ] = None
    upstream_key: Annotated[
        str | None, Parameter(help=f"Key for --upstream; by default {_UPSTREAM_KEY_VARIABLE}, if that is set.")
    ] = None
    upstream_model: Annotated[
        str | None, Parameter(help="Model to ask --upstream for; by default the one that the client names.")
    ] = None
    limit: Annotated[
        tuple[str, ...],
        Parameter(help="NAME=NUMBER, such as sessions=200 or idle_s=600. May be given more than once."),
    ] = ()
    log_level: Annotated[LogLevel, Parameter(help="How much to log on standard error.")] = "warning"
    log_format: Annotated[LogFormat, Parameter(help="Lines for people, or JSON for programs.")] = "text"
    until_eof: Annotated[
        bool, Parameter(help="Stop when standard input ends: for programs that start a server of their own.")
    ] = False


_STANDARD = ServeOptions()


def serve(*, options: ServeOptions = _STANDARD) -> int:
    """Serve the Realtime protocol, by default with speech engines that need no network and no key.

    Says on one line where it listens. Ctrl-C or SIGTERM stops it when what is being answered is answered; a second one
    stops it at once.
    """
    names, settings = _engines(options)
    if not all(key.strip() for key in options.api_key):
        raise UsageError("--api-key is empty: leave it out to serve everybody")
    if options.dialect not in PROFILES:
        raise UsageError(f"no dialect {options.dialect!r}; known: {', '.join(PROFILES)}")
    limits, defaults = _limits(options)
    tls = _tls(options)
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
    )
    return run_to_end(_serve(application, options, tls), loop_factory=loop_factory())


async def _serve(application: RealtimeApp, options: ServeOptions, tls: SSLContext | None) -> int:
    serving = asyncio.current_task()
    assert serving is not None
    ended = threading.Event()
    if options.until_eof:
        _at_eof(asyncio.get_running_loop(), serving, ended)
    try:
        await run_server(application, host=options.host, port=options.port, tls=tls, on_listening=_say_where)
    except asyncio.CancelledError:
        if not ended.is_set():
            raise
    return 0


def _limits(options: ServeOptions) -> tuple[Limits, SessionDefaults]:
    """Limits of the server, and what its sessions begin with. Raises UsageError."""
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


def _keys_of_the_environment() -> list[str]:
    return [key for each in os.environ.get(KEY_VARIABLE, "").split(",") if (key := each.strip())]


def _engines(options: ServeOptions) -> tuple[Mapping[Kind, str], Mapping[Kind, Mapping[str, object]]]:
    """Names and options of the engines that were asked for. Raises UsageError for a choice that makes no sense."""
    if options.llm is not None and options.llm_file is not None:
        raise UsageError("--llm and --llm-file are two answers to one question: name one")
    if options.llm is None and (options.llm_model is not None or options.llm_key is not None):
        raise UsageError("--llm-model and --llm-key belong to --llm URL")
    if (options.llm or options.llm_file) is not None and options.responder is not None:
        raise UsageError("--llm and --llm-file choose the responder: leave --responder out")
    chosen: dict[Kind, str | None] = {
        "detector": options.detector,
        "transcriber": options.transcriber,
        "responder": options.responder,
        "synthesizer": options.synthesizer,
    }
    settings: dict[Kind, Mapping[str, object]] = {}
    if options.llm is not None:
        if options.llm_model is None:
            raise UsageError("--llm needs --llm-model, the name of the model to ask for")
        chosen["responder"] = "chat"
        settings["responder"] = {"url": options.llm, "model": options.llm_model, "api_key": options.llm_key}
    elif options.llm_file is not None:
        check_exists(options.llm_file)
        chosen["responder"] = "llm"
        settings["responder"] = {"file": options.llm_file}
    return {kind: name for kind, name in chosen.items() if name is not None}, settings


def _upstream(options: ServeOptions) -> Upstream | None:
    """The API to be a relay for. Raises UsageError for options that do not belong together."""
    if options.upstream is None:
        if (options.upstream_dialect or options.upstream_key or options.upstream_model) is not None:
            raise UsageError("--upstream-dialect, --upstream-key and --upstream-model belong to --upstream URL")
        return None
    chosen = (options.llm, options.llm_file, options.detector, options.transcriber, options.responder)
    if options.mcp or any(choice is not None for choice in (*chosen, options.synthesizer)):
        raise UsageError("with --upstream the sessions are held there: engines, --llm and --mcp choose nothing")
    place = Endpoint(
        url=check_url(options.upstream),
        api_key=options.upstream_key or os.environ.get(_UPSTREAM_KEY_VARIABLE) or None,
        dialect=options.upstream_dialect or AUTO,
        model=options.upstream_model,
    )
    try:
        dialect = place.accent().dialect
    except ValueError as fault:
        raise UsageError(str(fault)) from fault

    async def open_upstream(opening: SessionStart) -> Transport:
        model, intent = options.upstream_model or opening.model, None
        if opening.kind == "transcription" and PROFILES[dialect].intent:
            # The operator's model is one that answers: sessions that only transcribe name another, in their settings.
            model, intent = opening.model, "transcription"
        return await open_endpoint(replace(place, model=model, intent=intent, dialect=dialect))

    return Upstream(open=open_upstream, dialect=dialect)


def _say_where(url: str) -> None:
    spare_the_collector()
    print(f"{LISTENING}{url}", flush=True)


def _at_eof(loop: asyncio.AbstractEventLoop, serving: asyncio.Task[int], ended: threading.Event) -> None:
    """Cancel the server when standard input ends. In a thread: not every loop can wait for a pipe."""

    def wait() -> None:
        # Not through sys.stdin: its lock would still be held when the interpreter ends.
        while os.read(0, 4096):
            pass
        ended.set()
        loop.call_soon_threadsafe(serving.cancel)

    threading.Thread(target=wait, name="standard-input", daemon=True).start()
