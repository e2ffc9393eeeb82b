"""What a turn of a call costs the session layer, without sockets: a figure that holds on a busy machine too.

Frames of `calls.py` are given to the server's WebSocket connections in this process, whose transports only count what
is written, and as fast as they are taken: scripted engines speak without waiting. What is left out is the kernel and
the event loop's part of each read and write. The same is asked of the application without a protocol (`_bare.py`).
The figures are processor time. `--calls N` (40) and `--turns N` (8; the least of them counts) say how much.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from uvicorn.server import ServerState

from bench._bare import BareApp
from bench._paced import ANSWER, LIMITS, PIECE_MS, PIECES
from bench._rounds import report
from bench.calls import FRAMES_MS, SILENCE_ENDS_MS, SPEECH_COUNTS_MS, TALK_MS, turn_of
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber, detectors
from duologue.server import RealtimeApp, loop_factory
from duologue.server.run.edge import edge_config
from duologue.server.run.uvicorn_websocket import Socket

HANDSHAKE: Final = (
    b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

SOUND: Final = b"\x10\x27\x20\x4e" * (24 * PIECE_MS // 2)

STEPS: Final = 6
"""Steps of the event loop behind each frame of all calls: what they bring about is done before the next."""

LAST_STEPS: Final = 60
"""Behind the last frame of a turn, so that its answer is complete."""


class Synthesizer:
    """Speaks without waiting."""

    name = "instant"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("tone",)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """As many pieces as in `calls.py`."""
        for _ in range(PIECES):
            await asyncio.sleep(0)
            yield SOUND


class Written(asyncio.Transport):
    """The transport of one connection: counts responses that are done."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.done = 0

    def write(self, data: Any) -> None:
        """Count."""
        self.done += bytes(data).count(b'{"type":"response.done"')

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def is_closing(self) -> bool:
        """Never."""
        return False

    def abort(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def engines() -> AsyncGenerator[Engines, None]:
    """Those of `calls.py`, but for the speech."""
    yield Engines(
        new_detector=detectors(sample_rate_hz=24_000),
        transcriber=ScriptedTranscriber(("how are you",), sample_rate_hz=24_000),
        responder=ScriptedResponder((ANSWER,)),
        synthesizer=Synthesizer(),
    )


async def turn_ms(frame_ms: int, n_calls: int, turns: int, *, bare: bool) -> float:
    """Milliseconds of one turn of one call, the least of some."""
    application = (BareApp if bare else RealtimeApp)(engines=engines, limits=LIMITS)
    if isinstance(application, BareApp):
        begins, ends = SPEECH_COUNTS_MS // frame_ms, SILENCE_ENDS_MS // frame_ms
        application.bare(begins=begins, ends=ends, speak=lambda: Synthesizer().synthesize("", voice="tone"))
    frames = turn_of(frame_ms)
    silent = (TALK_MS + SILENCE_ENDS_MS + 1000) // frame_ms
    frames = frames[silent:] + frames[:silent]  # begins in the silence between two turns
    async with application.running():
        config = edge_config(application)
        config.load()
        calls: list[tuple[Socket, Written]] = []
        for _ in range(n_calls):
            socket, written = Socket(config, ServerState(), {}, asyncio.get_running_loop()), Written()
            socket.connection_made(written)
            socket.data_received(HANDSHAKE)
            calls.append((socket, written))
        await steps(LAST_STEPS)
        times = [await _turn(frames, calls) for _ in range(turns + 2)][2:]  # caches and code are warm
        answered = sum(written.done for _, written in calls) / n_calls
        for socket, _ in calls:
            socket.connection_lost(None)
        await steps(LAST_STEPS)
    if not bare and answered != turns + 2:
        raise SystemExit(f"{answered:g} turns of {turns + 2} were answered")
    return 1000 * min(times) / n_calls


async def _turn(frames: list[bytes], calls: list[tuple[Socket, Written]]) -> float:
    began_s = time.process_time()
    for frame in frames:
        for socket, _ in calls:
            socket.data_received(frame)
        await steps(STEPS)
    await steps(LAST_STEPS)
    return time.process_time() - began_s


async def steps(n: int) -> None:
    """So many steps of the event loop."""
    for _ in range(n):
        await asyncio.sleep(0)


def argument(name: str, default: int) -> int:
    """The number behind an option."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


async def run() -> dict[str, float]:
    """All figures."""
    figures: dict[str, float] = {}
    for frame_ms in FRAMES_MS:
        suffix = "" if frame_ms == FRAMES_MS[0] else f"_{frame_ms}ms_frames"
        for name, bare in (("turn_cpu_ms", False), ("bare_turn_cpu_ms", True)):
            found = await turn_ms(frame_ms, argument("--calls", 40), argument("--turns", 8), bare=bare)
            figures[f"{name}{suffix}"] = round(found, 3)
    return figures


def main() -> None:
    """Run, and print."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        figures = runner.run(run())
    report(figures, "\n".join(f"{name:32} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
