"""How many telephone calls a core holds until the latency added to one sound in a hundred passes 20 ms.

The bridge (`_telephone_bridge.py`) runs in a process of its own, on one core: calls of Twilio's protocol come in over
our server's sockets, μ-law in frames of 20 ms, and each is joined with a conversation upstream. This process is, on
another core, the carrier of all calls and the server upstream (`_telephone_line.py`), so that one clock says when a
sound came in and went out: the caller's, the answer's, and the `clear` of an interruption.

`--seconds N` bounds the search (120), `--calls N` measures one number of calls instead, `--profile FILE` has the bridge
profiled with it. `--soak N` holds one call (or `--calls N`) for N seconds and says how the bridge's memory grows, with
`--trace` that of Python's objects too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._most_calls import Figures, most_calls, print_level
from bench._rounds import report
from bench._telephone_line import FRAME_MS, TURN_MS, Leg, Measured, Upstream, record_script
from bench.calls import at_share
from duologue.load.wire import LoadSocket
from duologue.server import loop_factory

SETTLE_S: Final = 2.0
MEASURE_S: Final = 2 * TURN_MS / 1000
"""Two turns of every call."""

MAX_CALLS: Final = 1000
CLOSE_ENOUGH: Final = 10
"""The search ends when it knows the number this well."""

LOOK_S: Final = 60.0
WARM_SHARE: Final = 0.1
"""After this part of a soak everything is loaded that is loaded once, and growth counts."""

COMPARED_CALLS: Final = 50
"""For the CPU of a call: held by any machine."""

CORES: Final[tuple[int, ...]] = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


class Bridge:
    """The process under test."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def usage(self) -> tuple[float, int, int, int]:
        """Its CPU seconds, resident bytes, traced bytes and tasks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        cpu_s, resident, traced, tasks = (await self._process.stdout.readline()).split()
        return float(cpu_s), int(resident), int(traced), int(tasks)

    def waited_s(self) -> float:
        """Seconds in which it was ready to run and had no core; 0 if the system does not count them."""
        try:
            return int(Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
        except OSError:
            return 0.0


@contextlib.asynccontextmanager
async def a_bridge(
    measured: Measured, *, profile: str | None = None, options: Sequence[str] = ()
) -> AsyncGenerator[Bridge, None]:
    """The bridge on the first core; this process, with the server upstream, moves to the last."""
    script = await record_script()
    upstream = await asyncio.get_running_loop().create_server(lambda: Upstream(script, measured), "127.0.0.1", 0)
    port = upstream.sockets[0].getsockname()[1]
    profiler = ("-m", "cProfile", "-o", profile) if profile else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *profiler, str(Path(__file__).with_name("_telephone_bridge.py"))),
        *(f"ws://127.0.0.1:{port}/v1/realtime?model=m", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if CORES:
        os.sched_setaffinity(process.pid, {CORES[0]})
        os.sched_setaffinity(0, {CORES[-1]})
    try:
        yield Bridge(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()
        upstream.close()
        if CORES:
            os.sched_setaffinity(0, set(CORES))


def _socket_of(leg: Leg) -> LoadSocket:
    return leg.socket


class Lines:
    """A number of calls that can be changed."""

    def __init__(self, bridge: Bridge, measured: Measured) -> None:
        self._bridge = bridge
        self._measured = measured
        self._legs: list[Leg] = []
        self._n_begun = 0

    async def become(self, n_calls: int) -> None:
        """End calls, or begin new ones."""
        while len(self._legs) > n_calls:
            self._legs.pop().hang_up()
        loop = asyncio.get_running_loop()
        while len(self._legs) < n_calls:
            self._n_begun += 1
            leg = Leg(self._bridge.port, self._n_begun, self._measured)
            await loop.create_connection(partial(_socket_of, leg), "127.0.0.1", self._bridge.port)
            self._legs.append(leg)

    @property
    def n_ended(self) -> int:
        """Calls that the bridge has ended."""
        return sum(leg.ended_at is not None for leg in self._legs)


async def level(bridge: Bridge, lines: Lines, measured: Measured, n_calls: int) -> Figures:
    """Figures of this many calls."""
    await lines.become(n_calls)
    await asyncio.sleep(SETTLE_S)
    measured.reset()
    cpu_before_s, *_ = await bridge.usage()
    waited_before_s, began = bridge.waited_s(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    cpu_s, resident, _, _ = await bridge.usage()
    waited_s, took_s = bridge.waited_s() - waited_before_s, time.monotonic() - began
    # What has not arrived counts as late, or a bridge that stops would look fast.
    wanted_frames, wanted_turns = n_calls * took_s * 1000 / FRAME_MS, n_calls * took_s * 1000 / TURN_MS
    complete = (
        len(measured.caller) >= 0.98 * wanted_frames
        and min(measured.turns, len(measured.clear)) >= 0.7 * wanted_turns  # a turn may begin before and end behind it
        and not lines.n_ended
    )
    return {
        "calls": n_calls,
        "p50_ms": round(at_share(measured.added, 0.5), 2),
        "p99_ms": round(at_share(measured.added, 0.99), 2) if complete else float("inf"),
        "caller_p99_ms": round(at_share(sorted(measured.caller), 0.99), 2),
        "answer_p99_ms": round(at_share(sorted(measured.answer), 0.99), 2),
        "clear_p99_ms": round(at_share(sorted(measured.clear), 0.99), 2),
        "line_late_p99_ms": round(at_share(sorted(measured.late), 0.99), 2),
        "cpu_percent_a_call": round(100 * (cpu_s - cpu_before_s) / took_s / n_calls, 4),
        "bridge_cpu_share": round((cpu_s - cpu_before_s) / took_s, 3),
        "server_waited_share": round(waited_s / took_s, 3),
        "resident_mib": round(resident / 2**20, 1),
        "turns": measured.turns,
        "clears": len(measured.clear),
        "truncated": measured.truncated,
        "odd_commands": measured.errors,
        "ended": lines.n_ended,
    }


async def search(seconds: float) -> Figures:
    """The figures of the most calls that were held."""
    until, measured = time.monotonic() + seconds, Measured()
    async with a_bridge(measured) as bridge:
        lines = Lines(bridge, measured)
        return await most_calls(
            lambda n_calls: level(bridge, lines, measured, n_calls),
            start_again=lambda: lines.become(0),
            maximum=MAX_CALLS,
            close_enough=CLOSE_ENOUGH,
            until=until,
            level_s=SETTLE_S + MEASURE_S,
        )


async def measure(n_calls: int, *, profile: str | None = None) -> Figures:
    """One number of calls."""
    measured = Measured()
    async with a_bridge(measured, profile=profile) as bridge:
        lines = Lines(bridge, measured)
        figures = await level(bridge, lines, measured, n_calls)
        await lines.become(0)
    return figures


async def soak(n_calls: int, seconds: float) -> Figures:
    """Hold calls, and look at the bridge's memory once a minute."""
    measured, seen = Measured(), list[tuple[float, int, int]]()
    turns = 0
    async with a_bridge(measured, options=("--trace",) if "--trace" in sys.argv else ()) as bridge:
        lines = Lines(bridge, measured)
        await lines.become(n_calls)
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(LOOK_S, left))
            turns += measured.turns
            measured.reset()
            _, resident, traced, tasks = await bridge.usage()
            seen.append((time.monotonic() - began, resident, traced))
            print_level(
                {
                    "minute": round(seen[-1][0] / 60, 1),
                    "resident_mib": round(resident / 2**20, 2),
                    "traced_kib": round(traced / 1024, 1),
                    "tasks": tasks,
                    "turns": turns,
                    "ended": lines.n_ended,
                }
            )
        ended = lines.n_ended
        await lines.become(0)
    early = next(each for each in seen if each[0] >= WARM_SHARE * seconds)
    hours = max(1e-9, (seen[-1][0] - early[0]) / 3600)
    return {
        "soak_calls": n_calls,
        "soak_minutes": round(seen[-1][0] / 60, 1),
        "soak_turns": turns,
        "soak_ended": ended,
        "soak_resident_mib": round(seen[-1][1] / 2**20, 2),
        "soak_resident_mib_an_hour": round((seen[-1][1] - early[1]) / 2**20 / hours, 2),
        "soak_traced_kib_an_hour_and_call": round((seen[-1][2] - early[2]) / 1024 / hours / n_calls, 1),
    }


def argument(name: str, default: str | None = None) -> str | None:
    """What stands behind this option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


async def run() -> None:
    """What the command line asks for, and print."""
    if (seconds := argument("--soak")) is not None:
        figures = await soak(int(argument("--calls") or 1), float(seconds))
    elif (n_calls := argument("--calls")) is not None or "--profile" in sys.argv:
        figures = await measure(int(n_calls or COMPARED_CALLS), profile=argument("--profile"))
    else:
        alone = await measure(COMPARED_CALLS)
        figures = await search(float(argument("--seconds") or 120))
        figures = {"calls_per_core": figures.pop("calls"), **figures}
        figures[f"cpu_percent_a_call_of_{COMPARED_CALLS}"] = alone["cpu_percent_a_call"]
    report(figures, "\n".join(f"{name:36} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
