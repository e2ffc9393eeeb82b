"""What several processes behind one socket cost: the parent's CPU and memory, and the latency that they add.

`duologue serve` with scripted engines, once as one process and once with `--workers 2`, and 60 calls that append 20 ms
of sound at the pace of a microphone, in turns. The clients are this process, on the same cores: p99 is an upper bound,
CPU seconds are the servers' own. `balance` is how many calls the fuller worker has more than the other one. Linux only.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from bench.calls import MEASURE_S, SETTLE_S, Crowd, Measured, Server, at_share

CALLS: Final = 60
FRAME_MS: Final = 20
WORKERS: Final = 2
TURNS: Final = 2
"""The first one is not measured: the parent hands over 60 connections in it."""

TICKS: Final = os.sysconf("SC_CLK_TCK")


class Processes(Server):
    """A server and the processes that it has started."""

    @property
    def pids(self) -> list[int]:
        """The first one, and its children."""
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        return [first, *map(int, children)]


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, in user mode and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def pss_mib(pid: int) -> float:
    """Memory of a process, of what it shares its part; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def sockets(pid: int) -> int:
    """Open sockets of a process."""
    names = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(str(each.readlink()))
        except OSError:
            continue
    return sum(name.startswith("socket:") for name in names)


@asynccontextmanager
async def served(*arguments: str) -> AsyncGenerator[Processes, None]:
    """`duologue serve` with these arguments, on a free port."""
    kinds = ("detector", "transcriber", "responder", "synthesizer")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "serve", "--port", "0", "--no-webrtc", "--no-talk", *arguments),
        *(each for kind in kinds for each in (f"--{kind}", "scripted")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    try:
        yield Processes(process, int(url.rpartition(":")[2].partition("/")[0]))
    finally:
        process.terminate()
        await process.wait()


async def measured(*arguments: str) -> dict[str, float]:
    """Figures of one server."""
    seen = Measured()
    async with served(*arguments) as server:
        crowd = Crowd(server, FRAME_MS, seen)
        await crowd.become(CALLS)
        await asyncio.sleep(SETTLE_S + MEASURE_S * (TURNS - 1))
        seen.reset()
        before, began = {pid: cpu_s(pid) for pid in server.pids}, time.monotonic()
        await asyncio.sleep(MEASURE_S)
        took_s = time.monotonic() - began
        shares = {pid: (cpu_s(pid) - before[pid]) / took_s for pid in before}
        first, *children = server.pids
        held = [sockets(pid) for pid in children]
        added = sorted(seen.started + seen.answered)
        figures = {
            "p50_ms": at_share(added, 0.5),
            "p99_ms": at_share(added, 0.99),
            "cores": sum(shares.values()),
            "first_cores": shares[first],
            "first_mib": resident_mib(first),
            "first_pss_mib": pss_mib(first),
            "balance": max(held, default=0) - min(held, default=0),
        }
        await crowd.become(0)
    return figures


async def run() -> None:
    """Measure, and print."""
    direct, several = await measured(), await measured("--workers", f"{WORKERS}")
    figures = {
        "calls": CALLS,
        "direct_p99_ms": round(direct["p99_ms"], 2),
        "workers_p99_ms": round(several["p99_ms"], 2),
        "added_p99_ms": round(several["p99_ms"] - direct["p99_ms"], 2),
        "direct_cores": round(direct["cores"], 3),
        "workers_cores": round(several["cores"], 3),
        "of_direct": round(several["cores"] / direct["cores"], 2),
        "parent_cores": round(several["first_cores"], 4),
        "parent_mib": round(several["first_mib"], 1),
        "parent_pss_mib": round(several["first_pss_mib"], 1),
        "balance": several["balance"],
    }
    report(figures, "\n".join(f"{name:16} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    asyncio.run(run())
