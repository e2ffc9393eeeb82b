"""The server's memory after minutes of calls, most of which are cut.

    python bench/soak_server.py [--minutes 1] [--callers 20]

The engines of `duologue serve`, in a process of their own; callers hold spoken turns with recorded speech, and six
calls of ten are cut at a random moment: by a reset, with a close, within a frame, or by a client that stops reading.
Memory is compared between minute 2, when everything is loaded, and the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import struct
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench._rounds import report, wants_json
from duologue.audio.wav import read_wav

FRAME_MS: Final = 100
RATE_HZ: Final = 24_000
CUT_SHARE: Final = 0.6
MAX_TURNS: Final = 4
"""Of a call that is not cut: it ends after some of the server's, as calls do."""
TURN_S: Final = 20.0
"""A turn that is not answered by then counts as failed."""
WARM_S: Final = 120.0
EVERY_S: Final = 5.0
RETURN_S: Final = 20.0
"""For the last sessions to end: clients that have stopped reading are closed after a while."""


class Usage(NamedTuple):
    """The resources of the server's process, as it reports them."""

    memory_mb: float
    descriptors: int
    threads: int
    tasks: int
    sessions: int


class Server:
    """The process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def usage(self) -> Usage:
        """Its current resources."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        memory, *others = (await self._process.stdout.readline()).split()
        return Usage(round(int(memory) / 1e6, 1), *map(int, others))


@contextlib.asynccontextmanager
async def a_server() -> AsyncGenerator[Server, None]:
    """The server, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("_soaked.py"))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process, (await process.stdout.readline()).decode().strip())
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(30):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def question() -> list[str]:
    """Appends of a recorded question, and of the silence that ends it."""
    with as_file(files("duologue.cli") / "speech" / "question_time.wav") as path:
        speech = read_wav(path).at(RATE_HZ).pcm16
    audio = speech + bytes(2 * RATE_HZ)
    step = 2 * RATE_HZ * FRAME_MS // 1000
    pieces = (audio[start : start + step] for start in range(0, len(audio), step))
    return [json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(piece).decode()}) for piece in pieces]


async def hold_turn(socket: ClientConnection, appends: list[str]) -> float:
    """One spoken turn. How long the answer's first audio took from the end of speech, in seconds."""

    async def speak() -> None:
        due = time.monotonic()
        for append in appends:
            await socket.send(append)
            due += FRAME_MS / 1000
            await asyncio.sleep(due - time.monotonic())

    speaking = asyncio.ensure_future(speak())
    stopped = began = 0.0
    try:
        async with asyncio.timeout(TURN_S):
            while True:
                event = json.loads(await socket.recv())
                match event["type"]:
                    case "input_audio_buffer.speech_stopped":
                        stopped = time.monotonic()
                    case "response.output_audio.delta" if not began:
                        began = time.monotonic()
                    case "response.done" if event["response"]["status"] == "completed":
                        return began - stopped
                    case _:
                        pass
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})


async def cut(socket: ClientConnection, chance: random.Random, done: Counter[str]) -> None:
    """End a call in one of the ways in which calls are cut."""
    way = chance.choice(("abort", "close", "half frame", "stop reading"))
    done[f"cut: {way}"] += 1
    match way:
        case "close":
            await socket.close()
        case "half frame":
            socket.transport.write(struct.pack("!BBH", 0x81, 0x80 | 126, 9_000) + bytes(4) + b"x" * 4_000)
            await asyncio.sleep(0.5)
        case "stop reading":
            socket.transport.pause_reading()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await socket.send(json.dumps({"type": "response.create"}))
                    await asyncio.sleep(3)
        case _:
            pass
    socket.transport.abort()


async def call(
    server: Server, appends: list[str], chance: random.Random, done: Counter[str], waits_s: list[float]
) -> None:
    """One call, to its end or to where it is cut."""
    is_cut = chance.random() < CUT_SHARE
    async with connect(server.url, compression=None, max_size=None, close_timeout=2) as socket:

        async def talk() -> None:
            for _ in range(chance.randint(1, MAX_TURNS)):
                waits_s.append(await hold_turn(socket, appends))
                done["turns"] += 1

        if not is_cut:
            await talk()
            done["ended"] += 1
            return
        talking = asyncio.ensure_future(talk())
        try:
            await asyncio.wait({talking}, timeout=chance.uniform(0.1, 10))
        finally:
            talking.cancel()
            await asyncio.wait({talking})
        await cut(socket, chance, done)


async def callers(server: Server, number: int, until: float, done: Counter[str], waits_s: list[float]) -> None:
    """Call again and again, so many at a time."""
    appends = question()

    async def caller(index: int) -> None:
        chance = random.Random(index)
        await asyncio.sleep(chance.random() * 3)
        while time.monotonic() < until:
            try:
                await call(server, appends, chance, done, waits_s)
            except TimeoutError:
                done["failed: no answer"] += 1
            except (OSError, WebSocketException) as fault:
                done[f"failed: {type(fault).__name__}"] += 1

    await asyncio.gather(*(caller(index) for index in range(number)))


async def run(minutes: float, number: int) -> dict[str, float | int | str]:
    """Call for so long; figures of before, minute 2 and the end."""
    done: Counter[str] = Counter()
    waits_s: list[float] = []
    async with a_server() as server:
        before = await server.usage()
        began = time.monotonic()
        until = began + minutes * 60
        calling = asyncio.ensure_future(callers(server, number, until, done, waits_s))
        samples: list[tuple[float, Usage]] = []
        while not calling.done():
            await asyncio.wait({calling}, timeout=EVERY_S)
            samples.append((time.monotonic() - began, await server.usage()))
            if not wants_json() and len(samples) % 12 == 0:
                print(f"  {samples[-1][0]:5.0f} s  {samples[-1][1]}", flush=True)
        calling.result()
        after = await server.usage()
        while (after.sessions or after.tasks > before.tasks) and time.monotonic() < until + RETURN_S + TURN_S:
            await asyncio.sleep(0.5)
            after = await server.usage()
    # A median over half a minute: the memory of current calls comes and goes.
    warm_s = min(WARM_S, minutes * 60 / 2)
    warm = [usage.memory_mb for at_s, usage in samples if warm_s <= at_s <= warm_s + 30]
    last = [usage.memory_mb for at_s, usage in samples if at_s >= minutes * 60 - 30]
    waits_ms = sorted(1000 * wait for wait in waits_s)
    return {
        "minutes": minutes,
        "turns": done["turns"],
        "calls_ended": done["ended"],
        "calls_cut": sum(count for name, count in done.items() if name.startswith("cut")),
        "calls_failed": sum(count for name, count in done.items() if name.startswith("failed")),
        "first_audio_p50_ms": round(statistics.median(waits_ms)) if waits_ms else -1,
        "first_audio_p95_ms": round(waits_ms[int(len(waits_ms) * 0.95)]) if waits_ms else -1,
        "start_mb": before.memory_mb,
        "warm_mb": statistics.median(warm or [before.memory_mb]),
        "last_mb": statistics.median(last or [after.memory_mb]),
        "idle_mb": after.memory_mb,
        "growth_mb": round(statistics.median(last or [0.0]) - statistics.median(warm or [0.0]), 1),
        "descriptors_left": after.descriptors - before.descriptors,
        "threads_left": after.threads - before.threads,
        "tasks_left": after.tasks - before.tasks,
        "sessions_left": after.sessions,
        "ways": ", ".join(f"{count} {name}" for name, count in sorted(done.items())),
    }


def main() -> int:
    """Run, and print; 1 if something is left."""
    parser = argparse.ArgumentParser(description="What the server holds after minutes of calls.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(run(options.minutes, options.callers))
    report(figures, "\n".join(f"{name:20} {value}" for name, value in figures.items()))
    left = ("descriptors_left", "tasks_left", "sessions_left")
    return any(int(figures[name]) > 0 for name in left)


if __name__ == "__main__":
    sys.exit(main())
