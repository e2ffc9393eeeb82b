"""`python -m duologue.deploy.ray` as a real cluster of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from tests.deploy._site import KEY, free_port

__all__ = ["SCRIPTED", "Cluster", "cluster", "needs_ray"]

SCRIPTED: Final = [f"--engine={kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]

_START_S: Final = 180
"""Ray starts a dozen processes, in 20 s on a machine that does nothing else."""

_STOP_S: Final = 60

needs_ray: Final = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed: .venv/bin/pip install -c constraints.txt 'ray[serve]>=2.55'"
)


@dataclass(frozen=True)
class Cluster:
    """Where it listens, and its first process."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"

    def replicas(self) -> list[int]:
        """The processes that hold sessions."""
        titles = (f"ray::{name}" for name in ("ServeReplica:duologue:sessions", "SERVE_REPLICA::duologue#sessions"))
        wanted = tuple(title.encode("ascii") for title in titles)
        return [pid for pid in _descendants(self.pid) if _title(pid).startswith(wanted)]

    def kill_one(self) -> int:
        """End a replica without a word; returns its process."""
        victim = self.replicas()[0]
        os.kill(victim, signal.SIGKILL)
        return victim


@asynccontextmanager
async def cluster(*arguments: str) -> AsyncGenerator[Cluster]:
    """The cluster for the length of a block. It must end by SIGTERM, with all its processes."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue.deploy.ray", f"--port={port}", *arguments),
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("DUOLOGUE_", "PYTHONWARN"))},
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # 5 s are too few for its imports on a busy machine
            "DUOLOGUE_API_KEY": KEY,
        },
        stdout=PIPE,
        stderr=STDOUT,
    )
    said: list[str] = []
    listening = asyncio.Event()
    assert process.stdout is not None
    reading = asyncio.ensure_future(_read(process.stdout, said, listening))
    try:
        waiting = asyncio.ensure_future(listening.wait())
        await asyncio.wait({waiting, reading}, timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert listening.is_set(), "".join(said[-40:])
        started = _descendants(process.pid)
        yield Cluster(port, process.pid)
        process.terminate()
        async with asyncio.timeout(_STOP_S):
            await process.wait()
        assert process.returncode == 0, "".join(said[-40:])
        async with asyncio.timeout(_STOP_S):
            while any(_runs(pid) for pid in started):  # noqa: ASYNC110 - other processes set no events
                await asyncio.sleep(0.1)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
        reading.cancel()
        await asyncio.wait({reading})


async def _read(stream: asyncio.StreamReader, said: list[str], listening: asyncio.Event) -> None:
    """Keep what it says, so that it is never held up."""
    async for line in stream:
        said.append(line.decode("utf-8", "replace"))
        del said[:-400]
        if line.startswith(b"listening on "):
            listening.set()


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):
                waiting += [int(child) for child in path.read_text(encoding="ascii").split()]
        found += waiting
    return sorted(set(found))


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _runs(pid: int) -> bool:
    """Whether it does: one that has ended, and that the system still lists, has no command line."""
    return _title(pid) != b""
