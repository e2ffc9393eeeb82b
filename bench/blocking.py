"""What the blocking client costs above the asyncio one, on whose event loop it runs: sends, answers, many events.

`append` is the call alone; `sent` also what the socket takes until the server has read it.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from duologue import blocking, connect
from duologue.client import Connection
from duologue.events import InputAudioBufferClearEvent, InputAudioBufferCommitEvent

ROUNDS: Final = 7
SENDS: Final = 200
"""Fewer than the queue holds: what is measured is the call, and not the socket."""
ANSWERS: Final = 100
EVENTS: Final = 4000
"""What the server sends at a `clear`."""
AUDIO: Final = bytes(4800)
CLEAR: Final = InputAudioBufferClearEvent()
COMMIT: Final = InputAudioBufferCommitEvent()

SERVER = """
import asyncio, sys
from websockets.asyncio.server import serve

DELTA = '{"type":"response.output_text.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,' \
    '"content_index":0,"delta":"hello"}'

async def answer(socket):
    async for message in socket:
        if '"type":"input_audio_buffer.append"' in message[:60]:
            continue
        for _ in range(int(sys.argv[1]) if "clear" in message else 1):
            await socket.send(DELTA)

async def main():
    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Times:
    """Microseconds of each kind of call, a figure for each round: on the wall clock, and of all threads' CPU time."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    @contextmanager
    def of(self, kind: str, count: int) -> Generator[None, None, None]:
        """What the block does so many times."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.setdefault(kind, []).append((time.perf_counter() - wall) / count * 1e6)
        self.cpu.setdefault(kind, []).append((time.process_time() - cpu) / count * 1e6)


def time_blocking(connection: blocking.BlockingConnection, times: Times) -> None:
    """One round in a thread without an event loop."""
    with times.of("sent", SENDS):
        with times.of("append", SENDS):
            for _ in range(SENDS):
                connection.append(AUDIO)
        connection.send(COMMIT)
        connection.receive()  # the socket is through with the audio
    with times.of("answer", ANSWERS):
        for _ in range(ANSWERS):
            connection.send(COMMIT)
            connection.receive()
    connection.send(CLEAR)
    with times.of("event", EVENTS):
        for _ in range(EVENTS):
            connection.receive()


async def time_on_loop(connection: Connection, times: Times) -> None:
    """The same on an event loop."""
    with times.of("sent", SENDS):
        with times.of("append", SENDS):
            for _ in range(SENDS):
                await connection.append(AUDIO)
        await connection.send(COMMIT)
        await connection.receive()
    with times.of("answer", ANSWERS):
        for _ in range(ANSWERS):
            await connection.send(COMMIT)
            await connection.receive()
    await connection.send(CLEAR)
    with times.of("event", EVENTS):
        for _ in range(EVENTS):
            await connection.receive()


@contextmanager
def _serving() -> Generator[str, None, None]:
    with subprocess.Popen([sys.executable, "-c", SERVER, str(EVENTS)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"ws://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def main() -> None:
    """Measure in turns, and print."""
    thread, loop = Times(), Times()
    with _serving() as url, asyncio.Runner() as runner, blocking.connect(url) as in_thread:
        opening = connect(url)
        on_loop = runner.run(opening.__aenter__())
        try:
            for _ in range(ROUNDS):
                time_blocking(in_thread, thread)
                runner.run(time_on_loop(on_loop, loop))
        finally:
            runner.run(opening.__aexit__(None, None, None))
    figures: dict[str, float | int | str] = {}
    lines = [f"{'microseconds':18}{'blocking':>10}{'asyncio':>10}{'ratio':>8}"]
    for kind in ("append", "sent", "answer", "event"):
        for clock in ("wall", "cpu"):
            ours, theirs = (statistics.median(getattr(times, clock)[kind]) for times in (thread, loop))
            figures |= {
                f"blocking_{kind}_{clock}_us": round(ours, 1),
                f"blocking_{kind}_{clock}_of_asyncio": round(ours / theirs, 2),
            }
            lines.append(f"{kind + ', ' + clock:18}{ours:10.1f}{theirs:10.1f}{ours / theirs:8.2f}")
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    main()
