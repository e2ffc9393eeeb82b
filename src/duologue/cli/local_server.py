"""Runs `duologue serve` in a child process for the length of a block."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from duologue.errors import DuologueError

__all__ = ["KEY_VARIABLE", "LISTENING", "LocalServer", "local_server", "python_command"]

KEY_VARIABLE: Final = "DUOLOGUE_API_KEY"
"""Variable from which `serve` reads the key: every user of a machine can read arguments, but not the environment."""

LISTENING: Final = "listening on "

_START_S: Final = 90.0
"""Loading the speech models takes 4 s on a laptop, ten times that on a small board, and twice that from a cold disk."""

_END_S: Final = 8.0
"""The server gives its engines 5 s to end."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Address and key of the server."""

    url: str
    api_key: str


@asynccontextmanager
async def local_server(
    arguments: Sequence[str] = (), *, start_s: float = _START_S
) -> AsyncGenerator[LocalServer, None]:
    """A server for the length of a block, on a free port of this machine, with a random key.

    `arguments` go to `duologue serve`. The server ends with the block, and also when this process dies: the server
    watches its standard input.

    Raises:
        DuologueError: the server did not start; the message has the last line of its log.
    """
    api_key = secrets.token_urlsafe(24)
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *python_command(), "-m", "duologue", "serve", "--port", "0", "--until-eof", "--no-talk", *arguments,
            stdin=PIPE, stdout=PIPE, stderr=log,
            env={**_environment(), KEY_VARIABLE: api_key},
            # Ctrl-C in a terminal signals every process of the group; this process ends the server itself.
            start_new_session=True,
        )  # fmt: skip
        try:
            yield LocalServer(await _url(process, log, start_s), api_key)
        finally:
            await _end(process)


def python_command() -> list[str]:
    """The beginning of a command that runs this Python."""
    # Without -P, a file in the working directory could shadow a module of the library.
    return [sys.executable] if "" in sys.path or os.getcwd() in sys.path else [sys.executable, "-P"]


def _environment() -> dict[str, str]:
    """Without the options of another server that this machine runs, but with the keys of the services that it uses."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("DUOLOGUE_") or name.endswith("_KEY")
    }


async def _url(process: Process, log: BinaryIO, start_s: float) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(start_s):
            line = (await process.stdout.readline()).decode("utf-8", "replace").strip()
    except TimeoutError as fault:
        raise DuologueError(f"the local server did not start within {start_s:g} s{_last_line(log)}") from fault
    if not line.startswith(LISTENING):
        raise DuologueError(f"the local server did not start{_last_line(log)}")
    return line.removeprefix(LISTENING)


def _last_line(log: BinaryIO) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""


async def _end(process: Process) -> None:
    """Close standard input, wait, then kill. A second Ctrl-C cancels the wait and kills at once."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()
