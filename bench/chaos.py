"""What the proxy of `duologue chaos` adds to each message of 50 duplex calls, without a fault, against no proxy.

The proxy is a process of its own, on one core. This one is both of its ends, on the other: clients that append 20 ms of
speech every 20 ms, and a server that sends each append back at once. Every second call goes through the proxy, and the
others do not, so that both wait for the same busy process: the difference is the proxy's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import struct
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report

CALLS: Final = 50
"""Through the proxy; as many go past it."""

STEP_S: Final = 0.02
SETTLE_S: Final = 1.0
MEASURE_S: Final = 5.0

STAMP: Final = struct.Struct("!d")
APPEND: Final = '{"type":"input_audio_buffer.append","audio":"' + "A" * 1280 + '"}'
"""20 ms of 24 kHz PCM. The stamp stands behind it, as hexadecimal digits, where no proxy looks."""


async def echo(socket: ServerConnection) -> None:
    """Send each message back."""
    with contextlib.suppress(Exception):
        async for message in socket:
            await socket.send(message)


async def talk(socket: ClientConnection, until: float, waits_ms: list[float], late_ms: list[float]) -> None:
    """Append at the pace of speech, and note how long each append takes to come back."""
    loop = asyncio.get_running_loop()

    async def listen() -> None:
        with contextlib.suppress(Exception):
            async for message in socket:
                sent_at = STAMP.unpack(bytes.fromhex(str(message)[-16:]))[0]
                if sent_at > until - MEASURE_S:
                    waits_ms.append((loop.time() - sent_at) * 1000)

    listening = asyncio.ensure_future(listen())
    due = loop.time() + random.random() * STEP_S
    while due < until:
        await asyncio.sleep(due - loop.time())
        now = loop.time()
        late_ms.append((now - due) * 1000)
        await socket.send(APPEND + STAMP.pack(now).hex())
        due += STEP_S
    await asyncio.sleep(0.2)
    await socket.close()
    await listening


@contextlib.asynccontextmanager
async def proxy(to: str, core: int | None) -> AsyncGenerator[tuple[str, int], None]:
    """The command; yields its URL and process id."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "duologue", "chaos", "--to", to), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    url = (await process.stdout.readline()).decode().strip().removeprefix("listening on ")
    try:
        yield url, process.pid
    finally:
        process.terminate()
        await process.wait()


def cpu_s(pid: int) -> float:
    """Seconds of processor time; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_share(values: list[float], share: float) -> float:
    """The value that this share of the values is not above."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


async def measure() -> dict[str, float]:
    """All figures."""
    cores: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if cores:
        os.sched_setaffinity(0, {cores[-1]})
    loop = asyncio.get_running_loop()
    async with serve(echo, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        to = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with proxy(to, cores[0] if cores else None) as (url, pid):
            waits: dict[str, list[float]] = {url: [], to: []}
            late: list[float] = []
            sockets = [
                (place, await connect(f"{place}/v1/realtime", compression=None, ping_interval=None))
                for _ in range(CALLS)
                for place in waits
            ]
            until = loop.time() + SETTLE_S + MEASURE_S
            before_s, began = cpu_s(pid), time.monotonic()
            await asyncio.gather(*(talk(socket, until, waits[place], late) for place, socket in sockets))
            share = (cpu_s(pid) - before_s) / (time.monotonic() - began)
    through, past = waits[url], waits[to]
    return {
        "calls": CALLS,
        "messages": len(through),
        "through_p50_ms": round(at_share(through, 0.5), 3),
        "through_p99_ms": round(at_share(through, 0.99), 3),
        "past_p50_ms": round(at_share(past, 0.5), 3),
        "past_p99_ms": round(at_share(past, 0.99), 3),
        # There and back are two messages.
        "added_p50_ms": round((at_share(through, 0.5) - at_share(past, 0.5)) / 2, 3),
        "added_p99_ms": round((at_share(through, 0.99) - at_share(past, 0.99)) / 2, 3),
        "proxy_cpu_share": round(share, 3),
        "client_late_p99_ms": round(at_share(late, 0.99), 2),
    }


if __name__ == "__main__":
    figures = asyncio.run(measure())
    report(figures, "\n".join(f"{name:20} {value:g}" for name, value in figures.items()))
