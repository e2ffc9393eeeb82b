"""What each attack costs the server: its memory at most and afterwards, a neighbour's wait, descriptors, `/healthz`.

    python bench/abuse.py [--only NAME[,NAME]] [--seconds 3] [--short] [--list]

The rows are in `_abuse_rows.py`, each with its budget. Each gets a server of its own, on a core of its own; the
attackers are a process on another core, as are the honest clients. A row fails when the server takes more memory than
the row's budget, keeps more than 30 MB (60 with the library of calls), descriptors or threads, lets the neighbour wait
for more than 50 ms in one case of a hundred, leaves `/healthz` unanswered, rejects new sessions, ends, or does not end
on SIGTERM. The time in which other programs had the cores does not count; `clock` is p99 with it. With `--short` each
row takes a second, rows share a server, and hostile servers of all kinds are asked at once; times then fail for
standstills only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._abuse_neighbour import Neighbour, Watch, warm_up
from bench._abuse_rows import AT_ONCE, ROWS, Row
from bench._abuse_server import ATTACKER_KEY, Process, a_server, cores, lines_of, settled

WAIT_MS: Final = 50.0
STANDSTILL_MS: Final = 1_000.0
"""The longest wait in the short form, in which other programs may run."""
MAX_WAITED: Final = 0.02
"""A server that waited longer than this share of the time for its core was disturbed by other programs."""
TRIES: Final = 3
SPARE_THREADS: Final = 12
"""Pools that are filled at their first use stay: the default one has a thread more than four for each core."""
LOG_MB: Final = 1.0
"""What one attack may write into the log."""

Figures = dict[str, Any]


class Bench:
    """The processes that rows share, and how long each may take."""

    def __init__(self, attacker: asyncio.subprocess.Process, peer: str, *, seconds: float, short: bool) -> None:
        self._attacker = attacker
        self._peer = peer
        self._seconds = seconds
        self._short = short

    @asynccontextmanager
    async def server(self, options: tuple[str, ...]) -> AsyncGenerator[Process, None]:
        """A server that has been used a little."""
        async with a_server(options, self._peer) as server:
            await warm_up(server.port, f"{self._peer}/mcp/honest" if "--mcp" in options else "")
            yield server

    async def attack(self, row: Row, port: int) -> Figures:
        """Run the attack; returns its outcome."""
        order = {
            "row": row.name,
            "port": port,
            "key": None if row.actor == "nothing" else ATTACKER_KEY,
            "peer": self._peer,
            "seconds": self._seconds,
            "share": 0.3 if self._short else 1.0,
        }
        assert self._attacker.stdin is not None
        assert self._attacker.stdout is not None
        self._attacker.stdin.write(json.dumps(order).encode() + b"\n")
        result: Figures = json.loads(await self._attacker.stdout.readline())
        return result

    async def row(self, row: Row, server: Process) -> Figures:
        """One attack, and its figures, with a list of `faults`."""
        neighbour, watch = await Neighbour.moved_in(server), Watch(server.port)
        background = [neighbour.ask(), neighbour.listen(), watch.health(), watch.arrivals()]
        tasks = [asyncio.ensure_future(work) for work in background]
        await asyncio.sleep(0.1 if self._short else 0.5)
        before, log_before, waited_s = server.held(), server.log.stat().st_size, server.waited_s()
        server.forget_peak()
        max_descriptors = asyncio.ensure_future(_max_descriptors(server))
        loop = asyncio.get_running_loop()
        began = loop.time()
        gone, after, took_s = False, before, 0.0
        result: Figures = {"outcome": {}, "faults": [], "crash": ""}
        try:
            result = await self.attack(row, server.port)
            waited_ms, own_ms = neighbour.waited_ms()
            share = (server.waited_s() - waited_s) / (loop.time() - began)
            after, took_s = await settled(server, before, memory_mb=row.rest_mb, within_s=row.settle_s)
        except (OSError, KeyError):
            gone, share = True, 0.0
            waited_ms, own_ms = neighbour.waited_ms()
        for task in (*tasks, max_descriptors):
            task.cancel()
        await asyncio.wait({*tasks, max_descriptors})
        await neighbour.leave()
        log = server.log.read_bytes()[log_before:]
        figures: Figures = {
            "row": row.name,
            "actor": row.actor,
            "before_mb": round(before.memory_mb),
            "peak_mb": round(after.peak_mb - before.memory_mb),
            "budget_mb": row.budget_mb,
            "rest_mb": round(after.memory_mb - before.memory_mb),
            "back_s": round(took_s, 1),
            "p50_ms": round(at_share(own_ms, 0.5), 1),
            "p99_ms": round(at_share(own_ms, 0.99), 1),
            "max_ms": round(at_share(own_ms, 1.0), 1),
            "clock_p99_ms": round(at_share(waited_ms, 0.99), 1),
            "own_late_p99_ms": round(at_share(sorted(neighbour.late_ms), 0.99), 1),
            "server_waited_share": round(share, 3),
            "descriptors": after.descriptors - before.descriptors,
            "max_descriptors": max_descriptors.result() if not max_descriptors.cancelled() else 0,
            "threads": after.threads - before.threads,
            "healthz_unanswered": watch.unanswered,
            "healthz_asked": watch.asked,
            "healthz_max_ms": round(watch.slowest_ms, 1),
            "newcomers_rejected": watch.rejected,
            "log_mb": round(len(log) / 1e6, 2),
            "outcome": result["outcome"],
        }
        figures["faults"] = [
            *(["the server is gone"] if gone else []),
            *result["faults"],
            *self._judged(row, figures, log),
        ]
        figures["faults"] += [words for words in (neighbour.lost, result["crash"]) if words]
        if watch.rejected or watch.unanswered:
            figures["outcome"] |= dict.fromkeys(sorted(watch.reasons), 1)
        return figures

    def _judged(self, row: Row, figures: Figures, log: bytes) -> Iterable[str]:
        """The faults in these figures."""
        wait_name, wait_ms = ("max_ms", STANDSTILL_MS) if self._short else ("p99_ms", WAIT_MS)
        if figures["peak_mb"] > figures["budget_mb"]:
            yield f"peak {figures['peak_mb']} MB over {figures['budget_mb']}"
        if figures["rest_mb"] > row.rest_mb:
            yield f"rest {figures['rest_mb']} MB over {row.rest_mb}"
        if figures[wait_name] > wait_ms:
            yield f"{wait_name} {figures[wait_name]:.0f} over {wait_ms:.0f}"
        if figures["healthz_unanswered"]:
            yield f"/healthz unanswered {figures['healthz_unanswered']} of {figures['healthz_asked']}"
        if figures["newcomers_rejected"]:
            yield f"new sessions rejected: {figures['newcomers_rejected']}"
        if figures["descriptors"] > row.rest_descriptors:
            yield f"{figures['descriptors']} descriptors more than before"
        if figures["threads"] > SPARE_THREADS:
            yield f"{figures['threads']} threads more than before"
        if figures["log_mb"] > LOG_MB:
            yield f"wrote {figures['log_mb']} MB of log"
        if any(byte < 32 and byte != 10 for byte in log):
            yield "control characters in the log"
        if b"Traceback" in log:
            yield "a traceback in the log"


async def _max_descriptors(server: Process) -> int:
    maximum = 0
    try:
        while True:
            maximum = max(maximum, server.held().descriptors)
            await asyncio.sleep(0.1)
    except (asyncio.CancelledError, OSError):
        return maximum


def at_share(values: list[float], share: float) -> float:
    """The value that this share of the sorted values is not above."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


async def alone(bench: Bench, row: Row) -> Figures:
    """A row with a server of its own; repeated if other programs may have made it fail."""
    figures: Figures = {}
    for attempt in range(TRIES):
        async with bench.server(row.options) as server:
            figures = await bench.row(row, server)
            if ending := await server.end():
                figures["faults"].append(ending)
        slow_only = figures["faults"] and all(fault.startswith("p99_ms") for fault in figures["faults"])
        if not (slow_only and figures["server_waited_share"] > MAX_WAITED and attempt + 1 < TRIES):
            break
    return figures


async def together(bench: Bench, rows: list[Row]) -> AsyncGenerator[Figures, None]:
    """Rows that share a server. A row that fails is repeated with a new one: other programs may have disturbed it."""
    left, tries = list(rows), 0
    while left:
        async with bench.server(left[0].options) as server:
            while left:
                figures = await bench.row(left[0], server)
                if len(left) == 1 and (ending := await server.end()):
                    figures["faults"].append(ending)
                tries += 1
                if figures["faults"] and tries < TRIES:
                    break
                left.pop(0)
                tries = 0
                yield figures
                if figures["faults"]:
                    break


# --- what is printed --------------------------------------------------------------------------------------------------

_HEAD: Final = (
    f"{'row':27} {'has':10} {'peak':>5} {'of':>4} {'rest':>5} {'back':>5} {'p50':>6} {'p99':>7} {'max':>7} "
    f"{'clock':>7} {'late':>5} {'wait':>5} {'fds':>9} {'thr':>3} {'hlth':>5} {'new':>3} {'log':>5}"
)


def line_of(figures: Figures, *, verbose: bool) -> str:
    """The row as a line, and what was wrong with it below."""
    line = (
        f"{figures['row']:27} {figures['actor']:10} {figures['peak_mb']:5} {figures['budget_mb']:4} "
        f"{figures['rest_mb']:5} {figures['back_s']:5} "
        f"{figures['p50_ms']:6} {figures['p99_ms']:7} {figures['max_ms']:7} {figures['clock_p99_ms']:7} "
        f"{figures['own_late_p99_ms']:5} {figures['server_waited_share']:5} "
        f"{figures['max_descriptors']:5}{figures['descriptors']:+4} {figures['threads']:3} "
        f"{figures['healthz_max_ms']:5.0f} {figures['newcomers_rejected']:3} {figures['log_mb']:5}"
        f"  {'FAILED' if figures['faults'] else 'ok'}"
    )
    lines = [line, *(f"    {fault}" for fault in figures["faults"])]
    if verbose:
        lines.append("    " + ", ".join(f"{count} {name}" for name, count in sorted(figures["outcome"].items())))
    return "\n".join(lines)


async def run(options: argparse.Namespace, rows: list[Row]) -> list[Figures]:
    """All of these rows; prints each as it ends."""
    done: list[Figures] = []

    def report(figures: Figures) -> None:
        done.append(figures)
        if not options.json:
            print(line_of(figures, verbose=options.verbose), flush=True)

    os.sched_setaffinity(0, cores()[1])
    mib = ("--mib", "64" if options.short else "256")
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(lines_of("_hostile.py", *mib))
        attacker = await stack.enter_async_context(lines_of("_abuse_attacker.py"))
        assert peer.stdout is not None
        url = (await peer.stdout.readline()).decode().strip()
        bench = Bench(attacker, url, seconds=options.seconds, short=options.short)
        if options.short:
            for _, some in groupby(rows, key=lambda row: row.options):
                async for figures in together(bench, list(some)):
                    report(figures)
        else:
            for row in rows:
                report(await alone(bench, row))
    return done


def main() -> int:
    """Attack, and print; 1 if a row failed."""
    parser = argparse.ArgumentParser(description="What each attack costs the server.")
    parser.add_argument("--only", default="", help="names of rows, or how they begin, with commas between them")
    parser.add_argument("--seconds", type=float, default=None, help="how long each attack goes on")
    parser.add_argument("--short", action="store_true", help="a second for each row")
    parser.add_argument("--list", action="store_true", help="the rows and their budgets")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--verbose", action="store_true", help="what the attackers saw, too")
    options = parser.parse_args()
    options.seconds = options.seconds or (0.25 if options.short else 3.0)
    wanted = tuple(filter(None, options.only.split(",")))
    rows = [
        row
        for row in (*ROWS, *AT_ONCE)
        if (row.name.startswith(wanted) if wanted else row.when in ("always", "short" if options.short else "long"))
    ]
    if options.list:
        for row in rows:
            print(f"{row.name:27} {row.actor:10} {row.budget_mb:4} MB: {row.reason}")
        return 0
    if not Path("/proc/self/clear_refs").exists():
        print("This needs Linux, for the peak of a process's memory since a moment.")
        return 0
    if not options.json:
        print("memory in MB above before, waits in ms, a dash of descriptors: most, and left\n" + _HEAD, flush=True)
    done = asyncio.run(run(options, rows))
    failed = [figures["row"] for figures in done if figures["faults"]]
    if options.json:
        print(json.dumps({"rows": done, "failed": failed}))
    else:
        print(f"{len(done)} rows, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
