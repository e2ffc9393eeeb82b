"""The search for the most calls that are held: doubled until they are not, then halved towards the number.

Other programs make figures only worse. So a number of calls is not held if each of some tries says so; `TRIES` more are
made where the process waited for its core.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bench._rounds import wants_json

__all__ = ["Figures", "most_calls", "print_level"]

Figures = dict[str, float]
"""Of one number of calls: `calls`, `p99_ms`, `server_waited_share` and others."""

GOAL_MS: Final = 20.0

FIRST_CALLS: Final = 100

MAX_WAITED: Final = 0.02
"""A process that waited longer than this share of the time for its core was disturbed by other programs."""

TRIES_IN_QUIET: Final = 2
TRIES: Final = 3


async def most_calls(
    level: Callable[[int], Awaitable[Figures]],
    *,
    start_again: Callable[[], Awaitable[None]],
    maximum: int,
    close_enough: int,
    until: float,
    level_s: float,
) -> Figures:
    """The figures of the most calls that were held, known to `close_enough` if there is time until `until`.

    `level` measures a number of calls, in `level_s` seconds; `start_again` ends all calls, before a number that was
    too many is tried again or halved.
    """
    held: Figures = {"calls": 0}
    refused, wanted, tries = maximum + 1, FIRST_CALLS, 0
    while refused - held["calls"] > close_enough and time.monotonic() + level_s < until:
        figures = await level(wanted)
        print_level(figures)
        tries += 1
        if figures["p99_ms"] <= GOAL_MS:
            held, tries = figures, 0
        else:
            await start_again()
            if tries < (TRIES if figures["server_waited_share"] > MAX_WAITED else TRIES_IN_QUIET):
                continue
            refused, tries = wanted, 0
        double = 2 * wanted if held["calls"] else wanted // 2
        wanted = max(10, min(double, int(held["calls"] + refused) // 2))
    await start_again()
    return held


def print_level(figures: Figures) -> None:
    """Print a line of progress."""
    if not wants_json():
        sys.stdout.write("  " + "  ".join(f"{name} {value:g}" for name, value in figures.items()) + "\n")
        sys.stdout.flush()
