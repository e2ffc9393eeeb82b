"""What several processes behind one socket cost: the parent's CPU and memory, and the latency that they add.

`duologue serve` with scripted engines as one process, with `--workers 2`, and as two servers that share nothing, of a
port each. 60 calls append 20 ms of sound at the pace of a microphone. All of them are open the whole time, but those of
one of the three talk at a time, for a turn of 4.5 s; ten rounds, each begun by another one. `of_direct` is the CPU of
the workers and their parent as a share of one process's, `of_two_servers` as a share of two servers'. Between these two
figures is what any two processes pay: one wake-up brings fewer appends, and after each the caches are cold.

On a machine that does other work a turn takes 6 % more or less than the one before, and ten turns 4 %: four runs gave
1.19 to 1.27. A fifth gave 1.38, while others took both cores and one process answered 0.8 s late: p99 shows such a run.
It is that of the median turn, and an upper bound, since the clients are this process, on the same cores.
`balance` is how many calls the fuller worker has more than the other one. Linux only; takes three minutes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from bench.calls import MEASURE_S, SETTLE_S, Crowd, Measured, Server, at_share

CALLS: Final = 60
FRAME_MS: Final = 20
WORKERS: Final = 2
ROUNDS: Final = 10

_CPU_CLOCK: Final = 2
"""The kind of a process's clock that counts its CPU time: `CPUCLOCK_SCHED`, see `clock_getcpuclockid(3)`."""


class Processes(Server):
    """A server and the processes that it has started."""

    @property
    def pids(self) -> list[int]:
        """The first one, and its children."""
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        return [first, *map(int, children)]


def cpu_s(pid: int) -> float:
    """Seconds of CPU that all threads of a process have used. `/proc` would count them in steps of 10 ms."""
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK)


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


class Side:
    """One way to hold the calls: its servers, and what was measured of them."""

    def __init__(self, *servers: Processes) -> None:
        self._servers = servers
        self._seen = Measured()
        self._crowds = [Crowd(server, FRAME_MS, self._seen) for server in servers]
        self._p99_ms: list[float] = []
        self._cpu_s: dict[int, float] = {}
        self._took_s = 0.0

    async def call(self) -> None:
        """Open the calls, and have them talk for the first time: that is not measured."""
        for crowd in self._crowds:
            await crowd.become(CALLS // len(self._crowds))
        await asyncio.sleep(SETTLE_S + MEASURE_S)
        self._be_quiet()

    async def turn(self) -> None:
        """Have all calls talk, and measure a whole turn of each."""
        for crowd in self._crowds:
            crowd.talk()
        await asyncio.sleep(SETTLE_S)
        self._seen.reset()
        before, began = {pid: cpu_s(pid) for pid in self.pids}, time.monotonic()
        await asyncio.sleep(MEASURE_S)
        self._took_s += time.monotonic() - began
        for pid in self.pids:
            self._cpu_s[pid] = self._cpu_s.get(pid, 0.0) + cpu_s(pid) - before[pid]
        self._p99_ms.append(at_share(sorted(self._seen.started + self._seen.answered), 0.99))
        self._be_quiet()

    def _be_quiet(self) -> None:
        for crowd in self._crowds:
            crowd.be_quiet()
        if self._seen.fault is not None:
            raise SystemExit(f"a call broke: {self._seen.fault}")

    async def hang_up(self) -> None:
        """End the calls."""
        for crowd in self._crowds:
            await crowd.become(0)

    @property
    def pids(self) -> list[int]:
        """Of all processes, parents before their workers."""
        return [pid for server in self._servers for pid in server.pids]

    @property
    def p99_ms(self) -> float:
        """From an append to what it brings about, in the median turn: other programs may stop a server in one."""
        return statistics.median(self._p99_ms)

    def cores(self, *pids: int) -> float:
        """CPU seconds a second of these processes; of all, if none is named."""
        return sum(self._cpu_s[pid] for pid in pids or self.pids) / self._took_s


async def run() -> None:
    """Measure, and print."""
    async with AsyncExitStack() as held:

        async def started(*arguments: str) -> Processes:
            return await held.enter_async_context(served(*arguments))

        direct, workers = Side(await started()), Side(await started("--workers", f"{WORKERS}"))
        servers = Side(*[await started() for _ in range(WORKERS)])
        sides = [direct, workers, servers]
        for side in sides:
            await side.call()
        for _ in range(ROUNDS):
            for side in sides:
                await side.turn()
            sides.append(sides.pop(0))
        first, *children = workers.pids
        open_sockets = [sockets(pid) for pid in children]
        figures = {
            "calls": CALLS,
            "direct_p99_ms": round(direct.p99_ms, 2),
            "workers_p99_ms": round(workers.p99_ms, 2),
            "added_p99_ms": round(workers.p99_ms - direct.p99_ms, 2),
            "direct_cores": round(direct.cores(), 3),
            "workers_cores": round(workers.cores(), 3),
            "two_servers_cores": round(servers.cores(), 3),
            "of_direct": round(workers.cores() / direct.cores(), 2),
            "of_two_servers": round(workers.cores() / servers.cores(), 2),
            "parent_cores": round(workers.cores(first), 4),
            "parent_mib": round(resident_mib(first), 1),
            "parent_pss_mib": round(pss_mib(first), 1),
            "balance": max(open_sockets) - min(open_sockets),
        }
        for side in sides:
            await side.hang_up()
    report(figures, "\n".join(f"{name:18} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    asyncio.run(run())
