"""What it costs a server that its calls can be looked at, while nobody does, and what it costs to record them.

Two servers run on one core, one with a tap and one without. They have the same calls in turn, for a turn of each, round
after round; of each the processor time is measured, and compared within its round: other programs of the machine disturb
both alike. `--calls N` (60) and `--rounds N` (10) say how much, `--frames 20` has other pieces of audio.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report, wants_json
from bench.calls import Crowd, Measured, a_server, level

GOAL_PERCENT: Final = 1.0
"""Of an inspector that nobody looks at."""


async def run(n_calls: int, rounds: int, frame_ms: int, options: tuple[str, ...]) -> list[float]:
    """The extra processor time of a server with these options, in percent, of each round."""
    measured = Measured()
    found: list[float] = []
    async with a_server() as plain, a_server(options=options) as tapped:
        crowds = [Crowd(server, frame_ms, measured) for server in (plain, tapped)]
        for count in range(rounds + 1):
            shares = {}
            # Each is first in every other round: what disturbs comes and goes.
            for index in (0, 1) if count % 2 else (1, 0):
                figures = await level((plain, tapped)[index], crowds[index], measured, n_calls)
                await crowds[index].become(0)
                shares[index] = figures["server_cpu_share"]
            if count:  # in the first round all is loaded
                found.append(100 * (shares[1] / shares[0] - 1))
            if not wants_json():
                sys.stdout.write(f"  {options[0]}  plain {shares[0]:g}  tapped {shares[1]:g}\n")
                sys.stdout.flush()
    return found


def argument(name: str, default: int) -> int:
    """The number behind an option."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def main() -> None:
    """Run, and print."""
    figures: dict[str, float | int | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for options in (("--inspect",), ("--record", folder)):
            found = asyncio.run(run(argument("--calls", 60), argument("--rounds", 10), argument("--frames", 100), options))
            figures[f"{options[0][2:]}_percent"] = round(statistics.median(found), 2)
            figures[f"{options[0][2:]}_percent_lowest"] = round(min(found), 2)
    report(figures, "\n".join(f"{name:36} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
