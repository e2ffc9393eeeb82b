"""How everything here is timed: interleaved rounds in one process, medians, ratios."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping

__all__ = ["median_us", "report", "wants_json"]

ROUNDS = 15
"""Odd, so that the median is a measurement; enough that a disturbance of some rounds does not move it."""

ROUND_S = 0.02
"""Length of one contender's share of a round: long against the clock's step, short against a change of CPU speed."""


def median_us(contenders: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Median microseconds of one call of each contender.

    The contenders take turns within every round, so that a slow moment of the machine hits all of them alike.
    """
    repeats = {name: _repeats(call) for name, call in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, call in contenders.items():
                times[name].append(_time_us(call, repeats[name]))
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in times.items()}


def _repeats(call: Callable[[], object]) -> int:
    _time_us(call, 3)  # lazy parts are built on the first call
    return max(3, round(ROUND_S * 1e6 / _time_us(call, 20)))


def _time_us(call: Callable[[], object], repeats: int) -> float:
    begin = time.perf_counter_ns()
    for _ in range(repeats):
        call()
    return (time.perf_counter_ns() - begin) / repeats / 1000


def wants_json() -> bool:
    """Whether the command line asks for one flat JSON object and nothing else."""
    return "--json" in sys.argv[1:]


def report(figures: Mapping[str, float | int | str], text: str) -> None:
    """Print the figures, for a machine or for a person."""
    sys.stdout.write((json.dumps(dict(figures)) if wants_json() else text.rstrip()) + "\n")
