"""The server of `soak_server.py`, as `duologue serve` runs it. Answers each line on standard input with its figures."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from pathlib import Path

from duologue.server import RealtimeApp, loop_factory, serve, tune_process


def _usage(application: RealtimeApp) -> str:
    """Resident bytes, descriptors, threads, tasks and sessions. Nothing is collected or trimmed before."""
    try:
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
        descriptors = len(os.listdir("/proc/self/fd"))
    except OSError:
        resident = descriptors = 0
    return (
        f"{resident} {descriptors} {threading.active_count()} {len(asyncio.all_tasks())} {application.sessions_open}\n"
    )


async def serve_callers() -> None:
    """Serve until standard input ends; prints the URL on the first line."""
    application = RealtimeApp()

    def say_where(url: str) -> None:
        tune_process()  # as `duologue serve` does
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    serving = asyncio.ensure_future(serve(application, port=0, on_listening=say_where))
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(_usage(application))
        sys.stdout.flush()
    serving.cancel()
    await asyncio.wait({serving})


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:  # as `duologue serve`
        runner.run(serve_callers())
