"""A recording that is played to clients until the command ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from duologue.cli.errors import UsageError
from duologue.clock import unix_time
from duologue.testing.cassettes.cassette import Cassette
from duologue.testing.cassettes.player import Match
from duologue.testing.cassettes.server import CassetteServer

__all__ = ["play_to_clients"]


async def play_to_clients(file: Path, *, port: int, match: Match) -> int:
    """Play the recording to one client after another; print where, and what of a client does not fit.

    Raises:
        RecordingError: it is no recording of our own, or is damaged.
        UsageError: the port is taken.
    """
    cassette = Cassette(file, match=match, unix_now_s=unix_time())
    cassette.watch = _tell
    server = CassetteServer(cassette=cassette, patience_s=None, port=port, repeats=True)
    try:
        async with server.listening():
            print(f"listening on {server.url}", flush=True)
            await asyncio.Event().wait()
    except OSError as fault:
        raise UsageError(f"cannot listen on port {port}: {fault.strerror or fault}") from fault
    return 0


def _tell(fault: str) -> None:
    print(f"duologue: {fault}", file=sys.stderr, flush=True)
