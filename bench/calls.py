"""How many duplex calls one core of the server holds until the added latency of one event in a hundred passes 20 ms.

The server runs in a process of its own, on one core, with scripted engines; this process is all of its clients, on
another core, and does as little as it can: frames that were encoded before the run, and answers that are not parsed.
The same is asked of an application without a protocol (`_bare.py`), which sends and receives the same frames at the
same times on the same stack: `of_bare` is the share of its calls that the server holds. `cpu_of_bare` compares the CPU
that a number of calls takes both of them, which depends less on what else the machine does.
A call that the server ends, or answers by an error, ends the run: what is left would be figures of fewer calls.
`--seconds N` bounds the whole run (240), `--asyncio` runs the server on asyncio's own loop even where uvloop is
installed, and `--profile FILE` has the server profiled instead of measured.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import struct
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._most_calls import most_calls, print_level
from bench._paced import DUE
from bench._rounds import report
from duologue.load.wire import LoadSocket, SocketPlace, client_frame

FRAMES_MS: Final = (100, 20)
"""Most clients append every 100 ms or faster; telephony appends every 20 ms."""

TALK_MS: Final = 1500
SPEECH_COUNTS_MS: Final = 100
"""The server calls it speech after 96 ms, which its detector's frames of 20 ms make 100."""
SILENCE_ENDS_MS: Final = 500
TURN_MS: Final = 4500
"""A turn: 1.5 s of speech, 0.5 s of silence that ends it, an answer of 2 s, and 0.5 s until the next. The microphone is
open all the time, as in a call."""

SETTLE_S: Final = 1.0
MEASURE_S: Final = TURN_MS / 1000
"""A whole turn of every call."""

COMPARED_CALLS: Final = 100
"""The server and the application without a protocol both hold them on any machine."""

MAX_CALLS: Final = 2000
CLOSE_ENOUGH: Final = 20
"""The search ends when it knows the number this well."""

CORES: Final[tuple[int, ...]] = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
"""Those that this process may use, before it has moved to the last."""


def append_frame(pcm16: bytes) -> bytes:
    """An append of this audio."""
    encoded = base64.b64encode(pcm16)
    return client_frame(b'{"type":"input_audio_buffer.append","audio":"' + encoded + b'"}')


def turn_of(frame_ms: int) -> list[bytes]:
    """The appends of a turn: noise, and silence."""
    loud, quiet = append_frame(sound(frame_ms, 9000)), append_frame(sound(frame_ms, 20))
    talking = TALK_MS // frame_ms
    return [loud] * talking + [quiet] * (TURN_MS // frame_ms - talking)


def sound(ms: int, loudest: int) -> bytes:
    """Noise."""
    chance = random.Random(ms)
    return struct.pack(f"<{24 * ms}h", *(chance.randint(-loudest, loudest) for _ in range(24 * ms)))


class Measured:
    """What the clients saw since the last reset, in milliseconds."""

    def __init__(self) -> None:
        self.fault: str | None = None
        """What broke the first call that the server has ended or answered by an error."""
        self.reset()

    def reset(self) -> None:
        """Forget all times."""
        self.started: list[float] = []
        """From the append that makes a turn begin to `speech_started`."""
        self.answered: list[float] = []
        """From the append that ends a turn to `response.created`."""
        self.played: list[float] = []
        """From the moment at which a piece of the answer was due to its arrival."""
        self.late: list[float] = []
        """By how much this process itself was late with its appends: not the server's."""

    @property
    def added(self) -> list[float]:
        """All of the server's."""
        return sorted(self.started + self.answered + self.played)


def at_share(values: list[float], share: float) -> float:
    """The value that this share of the sorted values is not above."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


class Call:
    """One client: streams its turns, and parses of the answers only what it needs."""

    def __init__(
        self, port: int, frame_ms: int, frames: Sequence[bytes], measured: Measured, *, talks: bool = True
    ) -> None:
        """`frames` are those of a turn, sent again and again once the call is open, or when `talk` is called."""
        self._talks = talks
        self._step_s = frame_ms / 1000
        self._frames = frames
        self._begins = SPEECH_COUNTS_MS // frame_ms - 1
        self._ends = (TALK_MS + SILENCE_ENDS_MS) // frame_ms - 1
        self._turn = len(frames)
        self._measured = measured
        self._loop = asyncio.get_running_loop()
        # Anywhere but within speech: a first turn that is cut short would begin elsewhere.
        self._position = random.randrange(self._ends + 1, self._turn)
        self._due = 0.0
        self._began_at = 0.0
        self._ended_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._hung_up = False
        place = SocketPlace(
            host="127.0.0.1",
            server_name="localhost",
            port=port,
            path="/v1/realtime?model=m",
            authority=f"127.0.0.1:{port}",
            secure=False,
        )
        self.socket = LoadSocket(place, self)

    def opened(self, now: float) -> None:
        """The handshake is over: nothing may be sent before (RFC 6455, section 4.1), however long the server takes."""
        if self._talks:
            self.talk()

    def ended(self, code: int, now: float, *, refused: str | None) -> None:
        """The connection is over."""
        if not self._hung_up:
            self._measured.fault = self._measured.fault or f"the server ended a call: {refused or code}"
        self.hang_up()

    def hang_up(self) -> None:
        """Disconnect."""
        self._hung_up = True
        if self._timer is not None:
            self._timer.cancel()
        self.socket.abort()

    def talk(self) -> None:
        """Begin to stream, at a random place in the turn the first time, and between two frames of the others."""
        self._due = self._loop.time() + random.random() * self._step_s
        self._timer = self._loop.call_at(self._due, self._tick)

    def be_quiet(self) -> None:
        """Stream nothing, until it is to talk again: it goes on where it was in the turn."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        self._measured.late.append((now - self._due) * 1000)
        self.socket.write(self._frames[self._position])
        if self._position == self._begins:
            self._began_at = now
        elif self._position == self._ends:
            self._ended_at = now
        self._position = (self._position + 1) % self._turn
        self._due += self._step_s
        self._timer = self._loop.call_at(self._due, self._tick)

    def received(self, message: bytes, now: float) -> None:
        """A message has come. Its head has the type, and the time at the head of the audio."""
        if message.startswith(b'{"type":"response.output_audio.delta"'):
            begin = message.index(b'"delta":"') + 9
            (due,) = DUE.unpack(base64.b64decode(message[begin : begin + 24])[: DUE.size])
            self._measured.played.append((now - due) * 1000)
        elif message.startswith(b'{"type":"response.created"'):
            self._measured.answered.append((now - self._ended_at) * 1000)
        elif message.startswith(b'{"type":"input_audio_buffer.speech_started"'):
            self._measured.started.append((now - self._began_at) * 1000)
        elif message.startswith(b'{"type":"error"'):
            self._measured.fault = self._measured.fault or message.decode()


class Server:
    """The process under test."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def usage(self) -> tuple[float, int, int]:
        """Its CPU seconds, resident bytes and tasks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        cpu_s, resident, tasks = (await self._process.stdout.readline()).split()
        return float(cpu_s), int(resident), int(tasks)

    def waited_s(self) -> float:
        """Seconds in which it was ready to run and had no core; 0 if the system does not count them."""
        try:
            return int(Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
        except OSError:
            return 0.0


@contextlib.asynccontextmanager
async def a_server(profile: str | None = None, *, options: Sequence[str] = ()) -> AsyncGenerator[Server, None]:
    """The server on the first core, with these options of `_paced.py`; this process moves to the last."""
    cores = CORES
    profiler = ("-m", "cProfile", "-o", profile) if profile else ()
    loop = ("--asyncio",) if "--asyncio" in sys.argv else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *profiler, str(Path(__file__).with_name("_paced.py")), *loop, *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if cores:
        os.sched_setaffinity(process.pid, {cores[0]})
        os.sched_setaffinity(0, {cores[-1]})
    url = (await process.stdout.readline()).decode().strip()
    try:
        yield Server(process, int(url.rpartition(":")[2].partition("/")[0]))
    finally:
        process.stdin.close()
        await process.wait()
        if cores:
            os.sched_setaffinity(0, set(cores))


def _socket_of(call: Call) -> LoadSocket:
    return call.socket


class Crowd:
    """A number of calls that can be changed."""

    def __init__(
        self, server: Server, frame_ms: int, measured: Measured, frames: Sequence[bytes] | None = None
    ) -> None:
        """`frames` are the appends of a turn, by default noise and silence."""
        self._server = server
        self._frame_ms = frame_ms
        self._frames = frames or turn_of(frame_ms)
        self._measured = measured
        self._calls: list[Call] = []

    async def become(self, n_calls: int, *, talking: bool = True) -> None:
        """End calls, or start new ones."""
        while len(self._calls) > n_calls:
            self._calls.pop().hang_up()
        loop = asyncio.get_running_loop()
        while len(self._calls) < n_calls:
            call = Call(self._server.port, self._frame_ms, self._frames, self._measured, talks=talking)
            await loop.create_connection(partial(_socket_of, call), "127.0.0.1", self._server.port)
            self._calls.append(call)

    def talk(self) -> None:
        """Have all calls stream."""
        for call in self._calls:
            call.talk()

    def be_quiet(self) -> None:
        """Have all calls stop, and stay connected."""
        for call in self._calls:
            call.be_quiet()


async def level(server: Server, crowd: Crowd, measured: Measured, n_calls: int) -> dict[str, float]:
    """Figures of this many calls. Raises SystemExit if a call has broken."""
    await crowd.become(n_calls)
    await asyncio.sleep(SETTLE_S)
    measured.reset()
    cpu_before_s, _, _ = await server.usage()
    waited_before_s, began = server.waited_s(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    cpu_s, resident, _ = await server.usage()
    waited_s, took_s = server.waited_s() - waited_before_s, time.monotonic() - began
    if measured.fault is not None:
        raise SystemExit(f"with {n_calls} calls: {measured.fault}")
    added = measured.added
    # Pieces that are due and have not arrived count as late, or a server that stops would look fast.
    expected = n_calls * MEASURE_S / (TURN_MS / 1000)
    complete = len(measured.answered) >= 0.9 * expected
    return {
        "calls": n_calls,
        "p50_ms": round(at_share(added, 0.5), 2),
        "p99_ms": round(at_share(added, 0.99), 2) if complete else float("inf"),
        "started_p99_ms": round(at_share(sorted(measured.started), 0.99), 2),
        "answered_p99_ms": round(at_share(sorted(measured.answered), 0.99), 2),
        "played_p99_ms": round(at_share(sorted(measured.played), 0.99), 2),
        "client_late_p99_ms": round(at_share(sorted(measured.late), 0.99), 2),
        "server_cpu_share": round((cpu_s - cpu_before_s) / took_s, 3),
        "server_waited_share": round(waited_s / took_s, 3),
        "resident_mib": round(resident / 2**20, 1),
    }


def bare(frame_ms: int) -> tuple[str, str]:
    """The options of a server without a protocol: appends until a turn begins, and until it ends."""
    return "--bare", f"{SPEECH_COUNTS_MS // frame_ms},{SILENCE_ENDS_MS // frame_ms}"


async def cpu_us(frame_ms: int, options: Sequence[str] = ()) -> float:
    """Microseconds of the server's CPU for each append, with all that it brings about, at `COMPARED_CALLS` calls."""
    measured = Measured()
    async with a_server(options=options) as server:
        crowd = Crowd(server, frame_ms, measured)
        shares = [(await level(server, crowd, measured, COMPARED_CALLS))["server_cpu_share"] for _ in range(2)]
        await crowd.become(0)
    return 1e6 * min(shares) / (COMPARED_CALLS * 1000 / frame_ms)


async def search(frame_ms: int, until: float, options: Sequence[str] = ()) -> dict[str, float]:
    """The figures of the most calls that were held."""
    measured = Measured()
    async with a_server(options=options) as server:
        crowd = Crowd(server, frame_ms, measured)
        return await most_calls(
            lambda n_calls: level(server, crowd, measured, n_calls),
            start_again=lambda: crowd.become(0),
            maximum=MAX_CALLS,
            close_enough=CLOSE_ENOUGH,
            until=until,
            level_s=SETTLE_S + MEASURE_S,
        )


async def memory_kib(n_sessions: int = 200) -> float:
    """Resident KiB of an idle session."""
    async with a_server() as server:
        crowd = Crowd(server, FRAMES_MS[0], Measured())
        await crowd.become(20, talking=False)  # what is loaded by the first session stays
        await asyncio.sleep(SETTLE_S)
        _, before, _ = await server.usage()
        await crowd.become(20 + n_sessions, talking=False)
        await asyncio.sleep(SETTLE_S)
        _, after, _ = await server.usage()
        await crowd.become(0)
    return (after - before) / n_sessions / 1024


async def run(seconds: float) -> None:
    """Search with both sizes of frames, and print."""
    until = time.monotonic() + seconds
    idle_kib = await memory_kib()
    figures: dict[str, float | int | str] = {}
    for left, frame_ms in zip((4, 2), FRAMES_MS, strict=True):
        suffix = "" if frame_ms == FRAMES_MS[0] else f"_{frame_ms}ms_frames"
        ours_us, bare_us = await cpu_us(frame_ms), await cpu_us(frame_ms, bare(frame_ms))
        now = time.monotonic()
        held = await search(frame_ms, now + (until - now) / left)
        now = time.monotonic()
        held_bare = await search(frame_ms, now + (until - now) / (left - 1), bare(frame_ms))
        figures[f"calls_per_core{suffix}"] = int(held["calls"])
        figures |= {f"{name}{suffix}": value for name, value in held.items() if name != "calls"}
        figures |= {
            f"bare_calls_per_core{suffix}": int(held_bare["calls"]),
            f"of_bare{suffix}": round(held["calls"] / max(1, held_bare["calls"]), 3),
            f"append_cpu_us{suffix}": round(ours_us, 1),
            f"bare_append_cpu_us{suffix}": round(bare_us, 1),
            f"cpu_of_bare{suffix}": round(ours_us / bare_us, 2),
        }
    figures["idle_session_kib"] = round(idle_kib, 1)
    report(figures, "\n".join(f"{name:36} {value}" for name, value in figures.items()))


async def profiled(path: str, n_calls: int = 150) -> None:
    """Let the server be profiled with these calls for a while."""
    measured = Measured()
    async with a_server(path) as server:
        crowd = Crowd(server, FRAMES_MS[0], measured)
        print_level(await level(server, crowd, measured, n_calls))
        await crowd.become(0)


def main() -> None:
    """Run, and print."""
    if "--profile" in sys.argv:
        asyncio.run(profiled(sys.argv[sys.argv.index("--profile") + 1]))
        return
    seconds = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 240.0
    asyncio.run(run(seconds))


if __name__ == "__main__":
    main()
