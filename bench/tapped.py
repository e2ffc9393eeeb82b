"""What `serve --inspect` costs a server, without a viewer and with the inspector in use, and what `--record` costs.

The messages of a call pass a transport with a tap and one without, in turn, round after round, and the processor time
of the round is compared. Before that, a server has calls without a tap: its processor time for a message says how much
it is. `--calls N` (60) and `--rounds N` (40) say how often, `--frames 20` has other pieces of audio.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from bench.calls import MEASURE_S, TURN_MS, Crowd, Measured, a_server, level
from duologue.server import Inspector, RecordingFolder, Tap, tune_process
from duologue.server.tap.tapped_session import TappedSession
from duologue.transports import Transport

GOAL_PERCENT: Final = 1.0
"""Of an inspector without a viewer."""

PIECES: Final = 20
OTHERS: Final = 12
"""Pieces of the answer's sound, and other events, of each turn in `calls.py`."""

TURNS: Final = 40
"""Of a round: some milliseconds."""


class Wire:
    """A transport whose messages come from nowhere and go there, as new objects each, as a socket's do."""

    def __init__(self, frame_ms: int) -> None:
        self._append = b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(bytes(48 * frame_ms)) + b'"}'

    async def send(self, message: str | bytes, /) -> None:
        """Take a message."""

    async def receive(self) -> str | bytes:
        """An append."""
        return self._append.decode()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing is open."""


async def turns(transport: Transport, frame_ms: int) -> float:
    """Processor seconds for the messages of some turns."""
    sound = base64.b64encode(bytes(4800)).decode()
    gc.collect()
    gc.disable()
    before_s = time.process_time()
    for _ in range(TURNS):
        for _ in range(TURN_MS // frame_ms):
            await transport.receive()
        for number in range(PIECES):
            head = (
                f'{{"type":"response.output_audio.delta","event_id":"event_{number:020}","item_id":"item_1","delta":"'
            )
            await transport.send(f'{head}{sound}"}}')
        for number in range(OTHERS):
            await transport.send(f'{{"type":"response.output_item.done","event_id":"event_{number:020}","item":{{}}}}')
    took_s = time.process_time() - before_s
    gc.enable()
    return took_s


async def added_us(tap: Tap, frame_ms: int, rounds: int) -> list[float]:
    """What a tap adds to each message, in microseconds, in each round."""
    wire = Wire(frame_ms)
    session = TappedSession([tap])
    tapped = session.around(wire)
    session.opened("sess_1", kind="realtime")
    found = []
    for count in range(rounds + 3):
        plain_s, tapped_s = await turns(wire, frame_ms), await turns(tapped, frame_ms)
        if count >= 3:  # caches and code are warm
            found.append((tapped_s - plain_s) / messages_of(frame_ms) * 1e6)
    session.close()
    return found


async def recorded_us(frame_ms: int, rounds: int) -> list[float]:
    """The same of a recording, with the work of its thread."""
    wire, found = Wire(frame_ms), []
    for count in range(rounds):
        plain_s = await turns(wire, frame_ms)
        with tempfile.TemporaryDirectory() as name:
            folder = RecordingFolder(name)
            before_s = time.process_time()
            async with folder.running():
                session = TappedSession([folder])
                session.opened(f"sess_{count}", kind="realtime")
                await turns(session.around(wire), frame_ms)
                session.close()
            recorded_s = time.process_time() - before_s
        found.append((recorded_s - plain_s) / messages_of(frame_ms) * 1e6)
    return found


def messages_of(frame_ms: int) -> int:
    """How many messages `turns` has."""
    return TURNS * (TURN_MS // frame_ms + PIECES + OTHERS)


async def server_us(n_calls: int, frame_ms: int) -> float:
    """Processor time of a server for each message, in microseconds, of the median of three turns."""
    measured = Measured()
    async with a_server() as server:
        crowd = Crowd(server, frame_ms, measured)
        found = []
        for _ in range(3):
            figures = await level(server, crowd, measured, n_calls)
            # Other programs of the machine may have kept some of the appends from being sent.
            messages = len(measured.late) * (1 + (PIECES + OTHERS) / (TURN_MS // frame_ms))
            found.append(figures["server_cpu_share"] * MEASURE_S / messages * 1e6)
        await crowd.become(0)
    return statistics.median(found)


async def run(n_calls: int, rounds: int, frame_ms: int) -> dict[str, float | int | str]:
    """All figures."""
    tune_process()  # as `duologue serve` does
    unseen, seen = Inspector(), Inspector()
    seen.in_use()
    figures: dict[str, float | int | str] = {}
    base_us = await server_us(n_calls, frame_ms)
    figures["server_us"] = round(base_us, 1)
    for name, tap in (("inspect", unseen), ("inspect_in_use", seen), ("record", None)):
        found = await (added_us(tap, frame_ms, rounds) if tap is not None else recorded_us(frame_ms, rounds // 4))
        figures[f"{name}_us"] = round(statistics.median(found), 2)
        figures[f"{name}_percent"] = round(100 * statistics.median(found) / base_us, 2)
    seen.close()
    gc.unfreeze()
    return figures


def argument(name: str, default: int) -> int:
    """The number behind an option."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def main() -> None:
    """Run, and print."""
    figures = asyncio.run(run(argument("--calls", 60), argument("--rounds", 40), argument("--frames", 100)))
    report(figures, "\n".join(f"{name:36} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
