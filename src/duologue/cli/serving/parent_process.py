"""The process that is the parent of workers: the same command, begun anew with few modules.

The command has read and checked all options by then, for which it has imported the whole server. The workers read them
again; the parent needs only what is here. It is this process still, so that supervisors and signals find it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from duologue.cli.log_format import LogFormat, LogLevel, start_logging
from duologue.cli.run import run_to_end
from duologue.printable import printable

__all__ = ["VARIABLE", "ParentSettings", "begin_anew", "run_parent"]

VARIABLE: Final = "_DUOLOGUE_PARENT"
"""Tells a process that it is a parent, and what it needs to know. No option: its name is not for people to set. What
reads it removes it, so that no child has it."""


class ParentSettings(Struct, frozen=True, kw_only=True):
    """What a parent needs to know. No key is in it."""

    command: tuple[str, ...]
    """What a worker is started by; the arguments of this process too."""
    workers: int
    listening: int
    """Descriptor of the socket, which has its address."""
    releases: bool
    """Whether that is closed when the drain begins."""
    url: str
    phone_lines: tuple[str, ...] = ()
    """Where calls of telephone networks go, to be printed."""
    talk: bool
    until_eof: bool
    log_level: LogLevel
    log_format: LogFormat


def begin_anew(settings: ParentSettings) -> NoReturn:
    """Become the parent."""
    os.set_inheritable(settings.listening, True)
    environment = {**os.environ, VARIABLE: msgspec.json.encode(settings).decode()}
    os.execve(settings.command[0], settings.command, environment)


def run_parent(text: str) -> int:
    """Be the parent of workers, with the value of `VARIABLE`, until a signal ends it. Returns the exit code."""
    from duologue.cli.serving.standard_input import until_eof
    from duologue.errors import DuologueError
    from duologue.server.run.process import loop_factory

    settings = msgspec.json.decode(text, type=ParentSettings)
    start_logging(settings.log_level, settings.log_format)
    serving = _serve(settings)
    try:
        return run_to_end(
            until_eof(serving) if settings.until_eof else serving, loop_factory=loop_factory(), terminated=0
        )
    except DuologueError as fault:
        print(f"duologue: {printable(str(fault))}", file=sys.stderr)
        return 1


async def _serve(settings: ParentSettings) -> int:
    from duologue.cli.serving.announcement import announce
    from duologue.server.run.process import tune_process
    from duologue.server.workers.messages import Ready
    from duologue.server.workers.parent import Parent

    def on_listening(ready: Sequence[Ready]) -> None:
        tune_process()
        held_mib = sum(each.memory_bytes for each in ready) // 1024**2
        more = f"{settings.workers} workers hold {held_mib} MiB of memory, each with engines of its own"
        lines, webrtc = (*settings.phone_lines, more), any(each.takes_calls for each in ready)
        announce(settings.url, *lines, inspector=None, webrtc=webrtc, talk=settings.talk)

    listening = socket.socket(fileno=settings.listening)
    listening.set_inheritable(False)
    parent = Parent(
        command=settings.command,
        workers=settings.workers,
        listening=listening,
        releases=settings.releases,
        on_listening=on_listening,
    )
    await parent.run()
    return 0
