"""Runs a level in this process or in several at once, and joins what they measured."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from math import inf
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from duologue.errors import DuologueError
from duologue.load.report import LevelReport, report_of
from duologue.load.samples import LevelSamples
from duologue.load.work import KeptCall, WorkOrder, WorkResult, work_off
from duologue.load.worker import FAILED, UP

__all__ = ["LevelResult", "run_level"]

_UP_S: Final = 60.0
"""Beside the ramp: a process needs a second to start, and a call half a minute to be ready or given up."""

_MAX_LINE_BYTES: Final = 1 << 28
"""Of a result: ten million delays."""

_END_S: Final = 5.0

_WORKER: Final = "from duologue.load.worker import main; main()"


class LevelResult(Struct, frozen=True, kw_only=True):
    """A level, and the recordings of its worst calls."""

    report: LevelReport
    calls: list[KeptCall]


async def run_level(order: WorkOrder, *, processes: int = 1, apart: bool = False) -> LevelResult:
    """Run a level; `apart` says that this process has other work to do. Cancelling drops all its calls.

    Raises:
        DuologueError: a process failed, or the clips or the recordings cannot be used.
        OSError: a recording cannot be written.
    """
    processes = min(processes, order.plan.calls)
    results = [await work_off(order)] if processes == 1 and not apart else await _spread(_shares(order, processes))
    samples = LevelSamples.joined(each.samples for each in results)
    calls = sorted((call for each in results for call in each.calls), key=_badness, reverse=True)
    report = report_of(samples, calls=order.plan.calls, rate_per_s=order.plan.rate_per_s)
    return LevelResult(report=report, calls=calls[: order.kept])


def _badness(call: KeptCall) -> float:
    return inf if call.worst_ms is None else call.worst_ms


def _shares(order: WorkOrder, processes: int) -> list[WorkOrder]:
    plan = order.plan
    shares: list[WorkOrder] = []
    for number in range(processes):
        calls = plan.calls // processes + (number < plan.calls % processes)
        rate_per_s = None if plan.rate_per_s is None else plan.rate_per_s / processes
        share = replace(
            plan, calls=calls, process=number, ramp_per_s=plan.ramp_per_s / processes, rate_per_s=rate_per_s
        )
        shares.append(replace(order, plan=share, taped=-(-order.taped // processes)))
    return shares


async def _spread(orders: Sequence[WorkOrder]) -> list[WorkResult]:
    async with AsyncExitStack() as stack:
        workers: list[Process] = []
        for order in orders:
            process = await asyncio.create_subprocess_exec(
                *_python(), "-c", _WORKER, stdin=PIPE, stdout=PIPE, limit=_MAX_LINE_BYTES,
                start_new_session=True,  # Ctrl-C ends this process, which ends them
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            _tell(process, msgspec.json.encode(order))
            workers.append(process)
        plan = orders[0].plan
        ramp_s = 0.0 if plan.rate_per_s is not None else max(each.plan.calls / each.plan.ramp_per_s for each in orders)
        for process in workers:
            if (line := await _line(process, _UP_S + ramp_s)) != UP:
                raise DuologueError(f"a process of the load did not begin: {line or 'it ended'}")
        for process in workers:
            _tell(process, b"go")
        # Without a window the turns end it, each of which waits for its answer: nothing says how long that is.
        timeout_s = None if plan.hold_s is None else plan.hold_s + plan.answer_within_s + _UP_S
        return [_result(await _line(process, timeout_s)) for process in workers]


def _python() -> list[str]:
    # Without -P, a file in the working directory could shadow a module of the library.
    return [sys.executable] if "" in sys.path or os.getcwd() in sys.path else [sys.executable, "-P"]


def _tell(process: Process, line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line + b"\n")


async def _line(process: Process, timeout_s: float | None) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_s):
            return (await process.stdout.readline()).decode().strip()
    except TimeoutError:
        raise DuologueError(f"a process of the load said nothing for {timeout_s:g} s") from None


def _result(line: str) -> WorkResult:
    if not line or line.startswith(FAILED):
        raise DuologueError(f"a process of the load failed: {line.removeprefix(FAILED) or 'it ended'}")
    return msgspec.json.decode(line, type=WorkResult)


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
