"""The server under attack in `abuse.py`, as `duologue serve` starts it, and the system's figures of its process."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from bench._abuse_rows import OPEN, PEER

__all__ = ["ATTACKER_KEY", "NEIGHBOUR_KEY", "Held", "Process", "a_server", "cores", "lines_of", "settled"]

NEIGHBOUR_KEY: Final = "neighbour"
ATTACKER_KEY: Final = "attacker"

DESCRIPTORS: Final = 1024
"""What systems give a process by default."""

_MB: Final = 1_000_000
_END_S: Final = 4.0
"""A server without sessions ends at once after SIGTERM; connections that are stuck get 3 s."""


class Held(NamedTuple):
    """The process's resources."""

    memory_mb: float
    peak_mb: float
    descriptors: int
    threads: int


class Process:
    """The process of the server."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def _folder(self) -> Path:
        return Path(f"/proc/{self.process.pid}")

    def held(self) -> Held:
        """Its current resources, and the peak since `forget_peak`. Raises OSError if it is gone."""
        status = dict(
            line.split(":", 1) for line in (self._folder / "status").read_text(encoding="ascii").splitlines() if line
        )
        descriptors = len(os.listdir(self._folder / "fd"))
        memory, peak = (int(status[name].split()[0]) * 1024 / _MB for name in ("VmRSS", "VmHWM"))
        below = sum(map(_resident_mb, self._children()))
        return Held(memory + below, peak + below, descriptors, int(status["Threads"]))

    def _children(self) -> list[str]:
        return (self._folder / "task" / str(self.process.pid) / "children").read_text(encoding="ascii").split()

    def forget_peak(self) -> None:
        """Count the peak from now on."""
        (self._folder / "clear_refs").write_text("5", encoding="ascii")

    def waited_s(self) -> float:
        """How long its first thread, the loop's, was ready to run and had no core."""
        return int((self._folder / "schedstat").read_text(encoding="ascii").split()[1]) / 1e9

    async def end(self) -> str:
        """End it as a supervisor does: SIGTERM, once more, and SIGKILL. Returns a fault, or an empty text."""
        for _ in range(2):
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_S):
                    await self.process.wait()
                    return ""
        self.process.kill()
        await self.process.wait()
        return "two SIGTERM did not end it"


def _resident_mb(pid: str) -> float:
    with suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / _MB
    return 0.0


def _text_of(path: str) -> str:
    return Path(path).read_text("utf-8", "replace")


def cores() -> tuple[set[int], set[int]]:
    """The server's core, and that of everything else."""
    ours = sorted(os.sched_getaffinity(0))
    return {ours[0]}, {ours[-1]}


@asynccontextmanager
async def lines_of(script: str, *options: str) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """A script of this folder that reads and writes lines, and ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name(script)), *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def a_server(options: Sequence[str], peer: str) -> AsyncGenerator[Process, None]:
    """`duologue serve` with scripted speech and the default responder, on a core of its own."""
    words = [option.replace(PEER, peer) for option in options if option != OPEN]
    keys = () if OPEN in options else ("--api-key", NEIGHBOUR_KEY, "--api-key", ATTACKER_KEY)
    speech = ("--detector=scripted", "--transcriber=scripted", "--synthesizer=scripted")
    responder = () if "--llm" in words else ("--responder=embedded",)
    with tempfile.NamedTemporaryFile(prefix="duologue-abuse-", suffix=".log") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "duologue", "serve", "--port", "0", *speech, *responder, *keys, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        os.sched_setaffinity(process.pid, cores()[0])
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        assert process.stdout is not None
        server: Process | None = None
        try:
            async with asyncio.timeout(30):
                line = (await process.stdout.readline()).decode()
            if "ws://" not in line:
                raise RuntimeError(f"the server did not start; its log is {_text_of(log.name)}")
            server = Process(process, int(line.rpartition(":")[2].partition("/")[0]), Path(log.name))
            yield server
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def settled(server: Process, before: Held, *, memory_mb: float, within_s: float) -> tuple[Held, float]:
    """Its resources when they are back where they were, or when the time is over, and the seconds until then."""
    began = time.monotonic()
    while True:
        held = server.held()
        took_s = time.monotonic() - began
        back = held.memory_mb - before.memory_mb <= memory_mb and held.descriptors <= before.descriptors
        if back or took_s > within_s:
            return held, took_s
        await asyncio.sleep(0.1)
