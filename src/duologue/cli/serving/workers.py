"""Several processes for `duologue serve`, and the socket on which they listen."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final, NoReturn

from duologue.cli.errors import UsageError
from duologue.cli.local_server import python_command
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.parent_process import ParentSettings, begin_anew
from duologue.cli.serving.phones import Phones
from duologue.errors import DuologueError
from duologue.server.run.listening_socket import adopt, bind, passed_descriptor, url_of

__all__ = ["become_parent", "bound_socket", "worker_count"]

_MAX_WORKERS: Final = 512
"""More than the largest machines have cores: a slip of the hand would fill the memory."""

_AUTO: Final = "auto"


def worker_count(options: ServeOptions) -> int | None:
    """How many workers there shall be; None: this process serves alone.

    Raises:
        UsageError: that is no number, the system has no workers, or another option is for one process.
    """
    if options.workers is None:
        return None
    if options.workers == _AUTO:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    elif options.workers.isdecimal() and 1 <= int(options.workers) <= _MAX_WORKERS:
        count = int(options.workers)
    else:
        raise UsageError(f"--workers {options.workers}: a number from 1 to {_MAX_WORKERS} is expected, or auto")
    if sys.platform == "win32":
        raise UsageError(
            "--workers: Windows cannot pass a connection to another process; run several servers on ports of their own "
            "behind a proxy"
        )
    if options.inspect:
        raise UsageError("--inspect shows the calls of one process: omit --workers, or record the sessions (--record)")
    return count


def bound_socket(options: ServeOptions) -> socket.socket | None:
    """The socket of --fd, of systemd or of --reuse-port; None: the server opens one that is its own.

    Raises:
        UsageError: two of them are wanted, or there is no such socket.
    """
    try:
        passed = passed_descriptor(os.environ)
        descriptor = options.fd if options.fd is not None else passed
        if descriptor is None:
            return bind(options.host, options.port, reuse_port=True) if options.reuse_port else None
        if options.reuse_port:
            raise UsageError("--reuse-port is for a socket that the server opens itself: omit it, or --fd")
        return adopt(descriptor)
    except DuologueError as fault:
        raise UsageError(str(fault)) from fault


def become_parent(
    options: ServeOptions, workers: int, bound: socket.socket | None, *, tls: bool, phones: Phones | None
) -> NoReturn:
    """Be the parent of workers from now on. Each runs the command of this process, and reads the options itself.

    Raises:
        DuologueError: the address cannot be used.
    """
    listening = bound if bound is not None else bind(options.host, options.port)
    url = url_of(listening, tls=tls)
    begin_anew(
        ParentSettings(
            command=(*python_command(), "-m", "duologue", *sys.argv[1:]),
            workers=workers,
            listening=listening.fileno(),
            releases=bound is not None,
            url=url,
            phone_lines=tuple(phones.lines(url)) if phones is not None else (),
            talk=not options.no_talk,
            until_eof=options.until_eof,
            log_level=options.log_level,
            log_format=options.log_format,
        )
    )
