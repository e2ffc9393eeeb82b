"""Fuzz the server over a real socket, while healthy sessions must be served correctly.

    python fuzz/server.py [--seconds 15] [--seed 1]

Attackers send real messages that were mutated and put out of order, break the WebSocket protocol, flood, send 16 MiB
at once, do not read, and drop the connection anywhere. They offer MCP servers, honest, hostile and not permitted, whose
calls they approve, delete and cancel while those run, and they use client secrets, good, made up and expired. They open
Live sessions, attach sidebands to those of others, and fork them. Meanwhile healthy sessions hold typed and spoken
turns, call a tool, and check every answer; half of them have a client secret, and one speaks Live. A
finding is: a healthy session that is refused, closed, answered wrongly or not at all; an answer that is no event; a key
for an MCP server that is shown; a secret that opens a session and must not; a traceback or an error in the server's
log; a server that ends, keeps tasks, or keeps memory.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from fuzz._clients import Finding, Place, attack, be_healthy
from fuzz._live import be_healthy_live, talk_live
from fuzz._tools import HIDDEN, Secrets

ATTACKERS: Final = 8
HEALTHY: Final = 3

MAX_GROWTH_BYTES: Final = 24 * 1024 * 1024
"""Of malloc: one and a half of the largest messages, some of which may be in use."""
MAX_GROWTH_BLOCKS: Final = 100_000
"""Of Python's own allocator, of some 80 bytes each: timers, client secrets and caches take up to 15,000. A leak of one
object a session grows past that in two hours. Memory in use is judged, and resident memory only printed: an arena of
256 KiB stays resident for one small object that lives, and how many do depends on the largest moment, not on time."""

TOLD_EVERY_S: Final = 600
"""A long run prints what the server keeps, so that one sees whether it grows with time."""

MAX_STALLED_MS: Final = 1000
"""Reading, checking and judging 16 MiB took up to 130 ms; eight attackers may send that at the same time."""

ALLOWED: Final = "ERROR uvicorn.error: Invalid UTF-8 sequence received from client."
"""uvicorn's own log line, with a traceback, for invalid UTF-8; it closes that connection only."""

MAX_LOG_BYTES: Final = 8 * 1024 * 1024
MAX_COMPLAINTS: Final = 50
COMPLAINT_LINES: Final = 100
"""Of the log from a complaint on: a traceback."""
LONGEST_LINE: Final = 1024 * 1024
"""A line of the log or of figures."""

RETURN_S: Final = 20
"""How long the server may take to close the last attackers: the close timeout of uvicorn is 10 s."""


class Figures(NamedTuple):
    """The figures of the server's process, as it reports them."""

    blocks: int
    malloc_bytes: int
    resident_bytes: int
    peak_bytes: int
    tasks: int
    longest_stall_ms: int

    def memory(self) -> str:
        """What is kept, in words."""
        mib = [n / 2**20 for n in (self.malloc_bytes, self.resident_bytes, self.peak_bytes)]
        return (
            f"{self.blocks} blocks and {mib[0]:.1f} MiB of malloc in use;"
            f" {mib[1]:.1f} MiB resident, {mib[2]:.1f} at most"
        )


class Victim:
    """The server's process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def figures(self) -> Figures:
        """Its figures. Raises Finding if it is gone, or does not answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(b"\n")
            async with asyncio.timeout(30):
                figures = Figures(*map(int, (await self.process.stdout.readline()).split()))
        except (ValueError, OSError, TimeoutError) as fault:
            raise Finding(f"the server does not answer; its exit code is {self.process.returncode}") from fault
        return figures

    async def tell_memory(self) -> None:
        """Print it for ever, every `TOLD_EVERY_S`; ends early if the server does not answer, which others notice."""
        started = time.monotonic()
        with suppress(Finding):
            while True:
                await asyncio.sleep(TOLD_EVERY_S)
                figures = await self.figures()
                print(f"{time.monotonic() - started:6.0f} s {figures.memory()}; {figures.tasks} tasks", flush=True)

    async def quiet(self, tasks_before: int) -> Figures:
        """Its figures once all tasks of sessions have ended. Raises Finding if they do not."""
        until = time.monotonic() + RETURN_S
        while True:
            figures = await self.figures()
            if figures.tasks <= tasks_before:
                return figures
            if time.monotonic() > until:
                raise Finding(f"{figures.tasks} tasks are left of {tasks_before}")
            await asyncio.sleep(0.2)


async def run_attackers(place: Place, seed: int, until: float, done: Counter[str]) -> None:
    """Attack with a crowd."""

    async def attacker(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        while time.monotonic() < until:
            await attack(place, chance, done, also=(talk_live,) * 3)

    async with asyncio.TaskGroup() as crowd:
        for number in range(ATTACKERS):
            crowd.create_task(attacker(number))


async def round_of(place: Place, seed: int, seconds: float, done: Counter[str], waits_ms: list[float]) -> None:
    """Run attackers and healthy sessions concurrently."""
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as both:
        both.create_task(run_attackers(place, seed, until, done))
        for number in range(HEALTHY):
            both.create_task(be_healthy(place, f"client {number}", until, done, waits_ms))
        both.create_task(be_healthy_live(place, until, done))


async def run(seconds: float, seed: int, log: Path) -> list[str]:
    """Attack for so long; prints figures and returns findings."""
    done: Counter[str] = Counter()
    waits_ms: list[float] = []
    findings: list[str] = []
    async with AsyncExitStack() as stack:
        others = await stack.enter_async_context(a_peer())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(Path(__file__).with_name("_victim.py")), f"{others}/mcp"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.ensure_future(read_log(process.stderr, log))
        victim = Victim(process, (await process.stdout.readline()).decode().strip())
        place = Place(victim.url, others, Secrets(), [])
        try:
            tasks_before = (await victim.figures()).tasks
            # A first short round loads and caches what every server loads and caches once.
            await round_of(place, seed + 1, min(5.0, seconds / 3), Counter(), [])
            before = await victim.quiet(tasks_before)
            telling = asyncio.ensure_future(victim.tell_memory())
            try:
                await round_of(place, seed, seconds, done, waits_ms)
            finally:
                telling.cancel()
                await asyncio.wait({telling})
            after = await victim.quiet(tasks_before)
            print(f"memory   {before.memory()} before")
            print(f"memory   {after.memory()} after")
            print(f"tasks    {tasks_before} before, {after.tasks} after")
            print(f"stalls   {after.longest_stall_ms} ms of CPU at most between two looks at the sockets")
            if after.malloc_bytes - before.malloc_bytes > MAX_GROWTH_BYTES:
                findings.append(f"malloc's memory grew from {before.malloc_bytes} to {after.malloc_bytes} bytes")
            if after.blocks - before.blocks > MAX_GROWTH_BLOCKS:
                findings.append(f"Python's memory grew from {before.blocks} to {after.blocks} blocks")
            if after.longest_stall_ms > MAX_STALLED_MS:
                findings.append(f"no session was served for {after.longest_stall_ms} ms of CPU")
        except* Finding as faults:
            findings += [str(fault) for fault in _leaves(faults)]
        finally:
            process.stdin.close()
            try:
                async with asyncio.timeout(15):
                    code = await process.wait()
            except TimeoutError:
                process.kill()
                code = await process.wait()
            if code:
                findings.append(f"the server ended with {code}")
            findings += sorted(await reading)
    print("executed " + ", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    if waits_ms:
        print(
            f"healthy  two turns took {statistics.median(waits_ms):.0f} ms in the median, {max(waits_ms):.0f} at most"
        )
    return findings


def _leaves(faults: BaseExceptionGroup[Finding]) -> list[Finding]:
    found: list[Finding] = []
    for fault in faults.exceptions:
        found += _leaves(fault) if isinstance(fault, BaseExceptionGroup) else [fault]
    return found


@asynccontextmanager
async def a_peer() -> AsyncGenerator[str, None]:
    """MCP servers of all kinds, in a process of their own. Their URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).parent.parent / "bench" / "_hostile.py"), "--mib", "8"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def read_log(lines: asyncio.StreamReader, log: Path) -> set[str]:
    """Keep the newest of the server's log, at most twice `MAX_LOG_BYTES`. Lines that should not be there.

    These are kept with what follows them, as long as a traceback is, in a file of their own.
    """
    found: set[str] = set()
    before, written, follows, file = "", 0, 0, log.open("wb")
    try:
        while line := await _line(lines):
            file.write(line)
            file.flush()
            if (written := written + len(line)) > MAX_LOG_BYTES:
                file.close()
                os.replace(log, log.with_suffix(".old"))
                written, file = 0, log.open("wb")
            text = line.decode("utf-8", "replace").rstrip("\n")
            if is_complaint(before, text) and len(found) < MAX_COMPLAINTS:
                found.add(text[:1000])
                follows = COMPLAINT_LINES
            if follows:
                follows -= 1
                with log.with_suffix(".findings").open("ab") as findings:
                    findings.write(line)
            before = text
    finally:
        file.close()
    return found


async def _line(lines: asyncio.StreamReader) -> bytes:
    """The next line, or its beginning if it is longer than any may be."""
    try:
        return await lines.readline()
    except ValueError:
        return b"ERROR fuzz: a line of the log is too long\n"


def is_complaint(before: str, line: str) -> bool:
    """Whether this line should not be in the server's log; `before` is the one above it."""
    if HIDDEN in line:
        return True
    return line.startswith(("ERROR", "CRITICAL", "Traceback", "WARNING asyncio")) and ALLOWED not in (before, line)


def main() -> int:
    """Fuzz; 1 if there are findings."""
    parser = argparse.ArgumentParser(description="Fuzz the server over a real socket.")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(2**32)
    logging.getLogger("asyncio").setLevel("ERROR")  # the attackers' own writes to connections that were closed
    log = Path(tempfile.mkdtemp(prefix="duologue-fuzz-")) / "server.log"
    print(f"seed     {seed}; the server's log: {log}", flush=True)
    findings = asyncio.run(run(options.seconds, seed, log))
    for finding in findings:
        print(f"FINDING  {finding}")
    print("nothing found" if not findings else f"{len(findings)} findings")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
