"""`duologue chaos`: a proxy that lets faults come, in front of any server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from duologue.cli.errors import UsageError, check_exists, check_recording, check_writable, sentence_of
from duologue.cli.local_server import LISTENING
from duologue.cli.run import run_to_end
from duologue.client.session_urls import split_server_url
from duologue.errors import ConnectFailed, DuologueError, RecordingError
from duologue.faults import FaultPlan, FiredFault, PlannedFault, faults_from_toml, parse_fault, parse_faults
from duologue.faults.proxy import chaos_proxy
from duologue.printable import printable, printable_name
from duologue.recording import RecordingWriter
from duologue.transports.addresses import without_secrets

__all__ = ["chaos"]

_EXAMPLE_PATH: Final = "/v1/realtime"


def chaos(
    *,
    to: Annotated[str, Parameter(help="The server, such as wss://api.openai.com; its certificate is verified.")],
    listen: Annotated[
        str, Parameter(help="HOST:PORT to listen on; port 0 chooses a free one. Only this machine by default.")
    ] = "127.0.0.1:0",
    fault: Annotated[
        tuple[str, ...],
        Parameter(help='A fault, such as "close code=1001 on=response.created". May be given more than once.'),
    ] = (),
    faults: Annotated[Path | None, Parameter(help="A TOML file of faults, a table [[fault]] for each.")] = None,
    seed: Annotated[int, Parameter(help="The seed of all chance: the same one makes the same decisions.")] = 0,
    record: Annotated[Path | None, Parameter(help="Record what clients send and get, and each fault, here.")] = None,
    force: Annotated[bool, Parameter(help="Replace an existing recording.")] = False,
) -> int:
    """Break a client's connections on purpose: a proxy in front of any Realtime or Live server.

    Prints one line with the URL for clients, and one for each fault that comes. The client's key, query and
    sub-protocols go on to the server; so does its path, unless --to has one. The faults are listed in
    docs/reference/faults.md. Ctrl-C ends it; after SIGTERM the exit code is 0.
    """
    try:
        to = split_server_url(to, example_path=_EXAMPLE_PATH).geturl()
    except ConnectFailed as problem:
        raise UsageError(f"--to {printable_name(without_secrets(to))}: {problem}") from None
    host, port = _place(listen)
    plan = FaultPlan(_wanted(fault, faults), seed=seed, told=_say)
    if record is not None:
        check_writable(record, force=force)
        check_recording(record, replace=force)
    return run_to_end(_run(to, plan, host, port, record, replace=force), terminated=0)


def _wanted(texts: tuple[str, ...], file: Path | None) -> tuple[PlannedFault, ...]:
    """The faults of the command line, and behind them those of the file."""
    wanted: list[PlannedFault] = []
    for text in texts:
        try:
            wanted.append(parse_fault(text))
        except ValueError as problem:
            raise UsageError(f"--fault {printable(text)!r}: {problem}") from None
    if file is not None:
        check_exists(file)
        try:
            wanted += faults_from_toml(file.read_text(encoding="utf-8"))
        except ValueError as problem:  # not TOML, not UTF-8, or no fault
            raise UsageError(f"--faults {file}: {problem}") from None
    try:
        return parse_faults(wanted)
    except ValueError as problem:
        raise UsageError(str(problem)) from None


def _place(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--listen {printable_name(listen)} is not HOST:PORT, such as 127.0.0.1:9000")
    return host.strip("[]") or "127.0.0.1", int(port)


async def _run(to: str, plan: FaultPlan, host: str, port: int, record: Path | None, *, replace: bool) -> int:
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(_recording(record, to, replace=replace))
        proxy = chaos_proxy(to, plan, host=host, port=port, record=writer, failed=_say_failure)
        try:
            url = await stack.enter_async_context(proxy)
        except OSError as fault:
            raise DuologueError(f"cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
        print(f"{LISTENING}{url}", flush=True)
        await asyncio.Event().wait()
    return 0


@asynccontextmanager
async def _recording(file: Path | None, to: str, *, replace: bool) -> AsyncGenerator[RecordingWriter | None, None]:
    if file is None:
        yield None
        return
    clock = asyncio.get_running_loop().time
    with RecordingWriter(file, url=to, clock=clock, replace=replace, failed=_say_failure) as writer:
        yield writer


def _say(fired: FiredFault) -> None:
    print(printable(str(fired)), flush=True)


def _say_failure(problem: ConnectFailed | RecordingError) -> None:
    print(f"duologue: {sentence_of(problem)}", file=sys.stderr, flush=True)
