"""What a call costs the server while it only listens, and in turns with the shipped engines.

The server runs in a process of its own, on one core; this one is all of its clients. Calls send noise in appends of
20 ms at the pace of a microphone, 20 of them and 200; the shipped voice detector finds no speech in them. The same
with a scripted detector is what the rest costs. In turns, 20 calls ask a recorded question every 6 s; the shipped
recogniser, responder and voice answer. The figures are CPU seconds of the server's process in a second, so they hold on
a busy machine too as long as the server keeps up (`waited` is the share of time that it was ready and had no core).
`--profile FILE` has the server of the turns profiled instead, which shows what the event loop does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._most_calls import print_level
from bench._rounds import report
from bench.calls import SETTLE_S, Crowd, Measured, a_server, append_frame, level, sound
from duologue.audio.wav import parse_wav

FRAME_MS: Final = 20
FRAME_BYTES: Final = 24 * FRAME_MS * 2
CALLS: Final = 20
MANY_CALLS: Final = 200
LEVELS: Final = 3
"""The least of these counts: what else runs on the machine only adds."""

TURN_MS: Final = 6000
"""A question of 1.6 to 2 s, an answer of 2 to 3 s, and time to think."""


def appends(pcm16: bytes) -> list[bytes]:
    """The appends of a turn that sounds like this."""
    return [append_frame(pcm16[at : at + FRAME_BYTES]) for at in range(0, len(pcm16), FRAME_BYTES)]


def question(name: str) -> list[bytes]:
    """The appends of a turn in which this recorded question is asked."""
    path = files("duologue.cli").joinpath("speech", f"{name}.wav")
    pcm16 = parse_wav(path.read_bytes(), name=name).at(24_000).pcm16.ljust(TURN_MS * 48, b"\0")
    return appends(pcm16)


async def cores(
    n_calls: int, *, engines: str | None, turn: Sequence[bytes], settle_s: float = SETTLE_S, profile: str | None = None
) -> dict[str, float]:
    """Figures of so many calls that send this again and again; cores are the least of some levels."""
    measured = Measured()
    async with a_server(profile, options=("--engines", engines) if engines else ()) as server:
        crowd = Crowd(server, FRAME_MS, measured, turn)
        await crowd.become(n_calls)
        await asyncio.sleep(settle_s)
        levels = [await level(server, crowd, measured, n_calls) for _ in range(1 if profile else LEVELS)]
        await crowd.become(0)
    for each in levels:
        print_level({name: each[name] for name in ("calls", "server_cpu_share", "server_waited_share")})
    return min(levels, key=lambda each: each["server_cpu_share"])


async def run() -> None:
    """Measure, and print."""
    noise = appends(sound(TURN_MS, 9000))
    listening = await cores(CALLS, engines="detector", turn=noise)
    many = await cores(MANY_CALLS, engines="detector", turn=noise)
    scripted = await cores(CALLS, engines=None, turn=appends(sound(TURN_MS, 20)))
    turns = await cores(CALLS, engines="shipped", turn=question("question_arithmetic"), settle_s=TURN_MS / 1000)
    figures = {
        "calls": CALLS,
        "listening_cores": listening["server_cpu_share"],
        "scripted_cores": scripted["server_cpu_share"],
        f"listening_{MANY_CALLS}_cores": many["server_cpu_share"],
        "turns_cores": turns["server_cpu_share"],
        "waited": max(each["server_waited_share"] for each in (listening, scripted, many, turns)),
    }
    report(figures, "\n".join(f"{name:24} {value:g}" for name, value in figures.items()))


def main() -> None:
    """Run, and print."""
    if "--profile" in sys.argv:
        path = sys.argv[sys.argv.index("--profile") + 1]
        asyncio.run(cores(CALLS, engines="shipped", turn=question("question_arithmetic"), profile=path))
        return
    asyncio.run(run())


if __name__ == "__main__":
    main()
