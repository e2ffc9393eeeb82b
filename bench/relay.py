"""A relay between two loopback sockets: ours, passing through and typed, against the bare library and the official SDK.

The relay is a process of its own. This one is both of its ends: clients that append speech, and a server that answers
with text and speech, as fast as they are let. What counts is how many messages the relay moves in a second of its CPU
time.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._frames import AUDIO, AUDIO_DELTA, TEXT_DELTA
from bench._rounds import report, wants_json

CALLS = 8
"""Calls at a time; more of them change nothing, for one process relays one message after another."""

TURNS = 250
"""Each call appends this often, and gets as many audio deltas and as many text deltas."""

ROUNDS = 9
"""Of 0.3 s a relay: one that another process disturbs must not decide."""

MAX_BYTES = 16 * 1024 * 1024
MODES = ("bare", "passthrough", "typed", "sdk")

Pump = Callable[[Any, Any], Awaitable[None]]


# --- the relay process ------------------------------------------------------------------------------------------------


async def pump_bare(source: Any, target: Any) -> None:
    """Bytes as they come, with the WebSocket library alone."""
    async for message in source:
        await target.send(message)


async def pump_transport(source: Any, target: Any) -> None:
    """Messages as they come, through our transports: what a recorder or a fault injector sits between."""
    while True:
        await target.send(await source.receive())


async def pump_typed(source: Any, target: Any) -> None:
    """Every message read as a typed event, and written again."""
    from duologue import decode, encode

    while True:
        await target.send(encode(decode(await source.receive())).decode("utf-8"))


async def pump_sdk(source: Any, target: Any) -> None:
    """Every message read as the official SDK reads it, and written as it writes."""
    import json

    from openai._models import construct_type_unchecked
    from openai.types.realtime.realtime_client_event import RealtimeClientEvent
    from openai.types.realtime.realtime_server_event import RealtimeServerEvent

    async for message in source:
        fields = json.loads(message)
        union: Any = RealtimeClientEvent if fields["type"].startswith("input_") else RealtimeServerEvent
        event: Any = construct_type_unchecked(value=fields, type_=union)
        await target.send(event.to_json(use_api_names=True, exclude_defaults=True, exclude_unset=True))


async def relay(mode: str, far_url: str) -> None:
    """Relay until standard input closes; then print its CPU seconds."""
    pump: Pump = {"bare": pump_bare, "passthrough": pump_transport, "typed": pump_typed, "sdk": pump_sdk}[mode]
    used_before = time.process_time()

    async def handle(near: ServerConnection) -> None:
        from duologue.errors import ConnectionClosed
        from duologue.transports.websocket import WebSocketTransport

        async with connect(far_url, compression=None, max_size=MAX_BYTES) as far:
            ends: tuple[Any, Any] = (near, far)
            if mode in ("passthrough", "typed"):
                ends = (WebSocketTransport(near), WebSocketTransport(far))
            pumps = [asyncio.ensure_future(pump(*ends)), asyncio.ensure_future(pump(*reversed(ends)))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for task in pumps:
                task.cancel()
            for result in await asyncio.gather(*pumps, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, ConnectionClosed):
                    raise result

    async with serve(handle, "127.0.0.1", 0, compression=None, max_size=MAX_BYTES) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        used_before = time.process_time()
        await asyncio.to_thread(sys.stdin.read)
    sys.stdout.write(f"{time.process_time() - used_before}\n")


# --- its two ends -----------------------------------------------------------------------------------------------------


async def far_end(connection: ServerConnection) -> None:
    """The server that is relayed to: answers each append with speech and text."""
    with contextlib.suppress(Exception):
        async for _ in connection:
            await connection.send(AUDIO_DELTA)
            await connection.send(TEXT_DELTA)


async def call(port: int, append: str) -> None:
    """One client's call."""
    async with connect(f"ws://127.0.0.1:{port}", compression=None, max_size=MAX_BYTES) as connection:

        async def speak() -> None:
            for _ in range(TURNS):
                await connection.send(append)

        speaking = asyncio.ensure_future(speak())
        for _ in range(2 * TURNS):
            await connection.recv()
        await speaking


async def messages_per_cpu_second(mode: str, far_port: int) -> float:
    """How many messages a relay moves in a second of its CPU time."""
    from duologue.codec import encode_append

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--relay", mode, f"ws://127.0.0.1:{far_port}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    append = encode_append(AUDIO).decode("ascii")
    async with asyncio.timeout(120):
        await asyncio.gather(*(call(port, append) for _ in range(CALLS)))
    process.stdin.close()
    used_s = float(await process.stdout.readline())
    await process.wait()
    return CALLS * TURNS * 3 / used_s


async def run() -> None:
    """Measure in interleaved rounds, and print."""
    rates: dict[str, list[float]] = {mode: [] for mode in MODES}
    async with serve(far_end, "127.0.0.1", 0, compression=None, max_size=MAX_BYTES) as far:
        far_port = far.sockets[0].getsockname()[1]
        for _ in range(ROUNDS):
            for mode in MODES:
                rates[mode].append(await messages_per_cpu_second(mode, far_port))
    medians = {mode: statistics.median(values) for mode, values in rates.items()}
    figures: dict[str, float] = {f"{mode}_messages_per_cpu_s": round(value) for mode, value in medians.items()}

    def ratio(mode: str, of: str) -> float:
        """The median of the rounds: both sides of each ran within seconds of each other."""
        return statistics.median(one / other for one, other in zip(rates[mode], rates[of], strict=True))

    ratios: dict[str, float] = {
        "passthrough_of_bare": round(ratio("passthrough", "bare"), 3),
        "typed_of_bare": round(ratio("typed", "bare"), 3),
        "typed_of_sdk": round(ratio("typed", "sdk"), 2),
    }
    lines = [f"{mode:12} {value:8.0f} messages a second of the relay's CPU" for mode, value in medians.items()]
    report(figures | ratios, "\n".join([*lines, "", *(f"{name} {value}" for name, value in ratios.items())]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--relay"]:
        asyncio.run(relay(*sys.argv[2:4]))
    else:
        if not wants_json():
            sys.stdout.write(f"{ROUNDS} rounds of {CALLS} calls through four relays ...\n")
        asyncio.run(run())
