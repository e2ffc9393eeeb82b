"""Calls over WebRTC to a whole server: its processor time for each call. Peers are in a process of their own."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from duologue.audio.resampling import resample
from duologue.audio.wav import read_wav
from duologue.errors import ConnectionClosed
from duologue.transports.http_exchange import exchange
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, RATE_HZ, Peer, PeerSettings
from duologue.transports.webrtc.stacks import load_stack

__all__ = ["SCRIPTED", "serving", "whole_server"]

SCRIPTED: Final = tuple(f"--{kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer"))

_ANSWER: Final = "This is an answer of a usual length. It says two things. " * 3
"""Ten seconds of speech, 60 ms a character."""

_SPEECH: Final = Path(__file__).parent.parent / "tests/speech/librivox_0870.wav"

_GONE_S: Final = 12.0
"""Until the server notices that callers are gone, and frees their calls."""

_SESSION: Final = {
    "type": "realtime",
    "audio": {
        "input": {"turn_detection": {"type": "server_vad", "create_response": False, "interrupt_response": False}}
    },
}
"""Turns are heard and transcribed; nothing that the user says interrupts the answers of `talking` calls."""

Figures = dict[str, float]


@asynccontextmanager
async def serving(*arguments: str) -> AsyncGenerator[tuple[str, int]]:
    """`duologue serve` for the length of a block: where calls are made, and the process."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "duologue", "serve", "--port=0", "--until-eof", "--limit=sessions=2000",
        "--limit=max_sessions_per_owner=none", *arguments, stdin=PIPE, stdout=PIPE,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        url = (await server.stdout.readline()).decode().removeprefix("listening on ").strip()
        yield f"{url.replace('ws', 'http', 1)}/calls", server.pid
    finally:
        server.stdin.close()
        try:
            async with asyncio.timeout(10):
                await server.wait()
        except TimeoutError:
            server.kill()
            await server.wait()


async def whole_server(number: int, seconds: float, rounds: int, *, stack: str = "wrtc") -> Figures:
    """The server's share of a core for each call: all users talk, then both sides do. The median of several rounds."""
    figures = Figures()
    lines = json.dumps([_ANSWER])
    async with serving(*SCRIPTED, f"--engine-option=responder.lines={lines}", f"--webrtc-stack={stack}") as (url, pid):
        for kind in ("listening", "talking"):
            async with _callers(url, number, kind) as heard_share:
                shares = [await _share(pid, seconds) for _ in range(rounds)]
                figures[f"server_cpu_percent_{kind}"] = 100 * statistics.median(shares) / number
                main = [await _share(pid, seconds, thread=pid) for _ in range(rounds)]
                figures[f"server_main_thread_percent_{kind}"] = 100 * statistics.median(main) / number
                figures[f"server_threads_{kind}"] = len(os.listdir(f"/proc/{pid}/task"))
                figures[f"played_share_{kind}"] = await heard_share()
    return figures


def _cpu_s(pid: int, thread: int | None) -> float:
    """Of the threads that are there; no call ends while it is measured."""
    tasks = Path(f"/proc/{pid}/task")
    threads = [tasks / str(thread)] if thread is not None else list(tasks.iterdir())
    return sum(int((each / "schedstat").read_text(encoding="ascii").split()[0]) for each in threads) / 1e9


async def _share(pid: int, seconds: float, *, thread: int | None = None) -> float:
    loop = asyncio.get_running_loop()
    cpu_s, begun = _cpu_s(pid, thread), loop.time()
    await asyncio.sleep(seconds)
    return (_cpu_s(pid, thread) - cpu_s) / (loop.time() - begun)


# --- the other side


@asynccontextmanager
async def _callers(url: str, number: int, kind: str) -> AsyncGenerator[Callable[[], Any]]:
    """That many calls for the length of a block, in a process of low priority; yields what the users hear."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, str(number), kind, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def heard_share() -> float:
        stdin.write(b"\n")
        return float(await stdout.readline())

    try:
        assert (await stdout.readline()).strip() == b"ready"
        await asyncio.sleep(3)
        yield heard_share
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await asyncio.sleep(_GONE_S)


def speech_frames() -> list[bytes]:
    """A recorded sentence, as the frames of a peer."""
    sound = read_wav(_SPEECH)
    pcm16 = resample(sound.pcm16, sound.rate_hz, RATE_HZ)
    return [pcm16[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm16), FRAME_BYTES)]


class _Caller:
    """One user."""

    def __init__(self, peer: Peer, *, asks: bool) -> None:
        self.peer = peer
        self.played_ms = 0
        self._asks = asks
        self._began_at = 0.0

    async def begin(self, url: str) -> None:
        answer = await exchange(
            url, method="POST", headers={"Content-Type": "application/sdp"}, body=(await self.peer.offer()).encode()
        )
        assert answer.status == 201, answer.body
        await self.peer.connect(answer.body.decode())
        await self.peer.send(json.dumps({"type": "session.update", "session": _SESSION}))
        while "session.updated" not in str(await self.peer.receive()):
            pass
        if self._asks:
            await self._ask()

    async def _ask(self) -> None:
        await self.peer.send('{"type":"response.create"}')

    async def follow(self) -> None:
        """Ask for the next answer when one begins, so that there is no pause."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionClosed):
            while True:
                message = str(await self.peer.receive())
                if "output_audio_buffer.started" in message:
                    self._began_at = loop.time()
                    await self._ask()
                elif "output_audio_buffer.stopped" in message:
                    self.played_ms += round(1000 * (loop.time() - self._began_at))


async def _talk(peers: Sequence[Peer], frames: list[bytes]) -> None:
    """Speech without a pause. One loop for all: the callers must not take the server's core."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(sys.maxsize):
        await asyncio.sleep(begun + number * FRAME_MS / 1000 - loop.time())
        for place, peer in enumerate(peers):
            peer.play(frames[(number + 50 * place) % len(frames)])


async def _call_all(url: str, number: int, kind: str) -> None:
    os.nice(5)
    stack, frames = load_stack("wrtc"), speech_frames()
    callers = [_Caller(stack.new_peer(PeerSettings()), asks=kind == "talking") for _ in range(number)]
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            await caller.begin(url)
            tasks.create_task(caller.follow())
        tasks.create_task(_talk([caller.peer for caller in callers], frames))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        begun = loop.time()
        while await lines.readline():
            played_s = sum(caller.played_ms for caller in callers) / 1000
            sys.stdout.write(f"{played_s / number / (loop.time() - begun)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_call_all(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
