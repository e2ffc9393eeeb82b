"""Clients that no server wants, and one that it must not disappoint."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from fuzz._frames import LOUD_MS, QUIET_MS, Frames, append

__all__ = ["Finding", "attack", "be_healthy"]

MAX_BYTES: Final = 16 * 1024 * 1024
PATIENCE_S: Final = 15
"""The machine is busy with the attack itself; a session that waits longer than this is not served."""

_GONE: Final = (ConnectionClosed, OSError, InvalidHandshake, InvalidMessage, EOFError)
"""How an attacker learns that it was thrown out."""


class Finding(Exception):
    """The server did what it must not."""


# --- attackers --------------------------------------------------------------------------------------------------------


async def attack(url: str, chance: Random, done: Counter[str]) -> None:
    """One attack of any kind."""
    kind = chance.choice((_shaken, _shaken, _shaken, _shaken, _raw, _raw, _deaf, _flood, _oversized, _gone_at_once))
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            try:
                await kind(url, chance, done)
            except _GONE:
                done["thrown_out"] += 1
    done[kind.__name__.strip("_")] += 1


async def _shaken(url: str, chance: Random, done: Counter[str]) -> None:
    """A session of messages that were real once; everything that comes back must still be an event."""
    frames, seen = Frames(chance), ["item_1"]
    intent = chance.choice(("", "", "?intent=transcription", "?model=%00%ff", "?model=m&model=" + "n" * 2000))
    async with connect(url + intent, max_size=None, close_timeout=1) as socket:

        async def listen() -> None:
            while (message := await _next(socket)) is not None:
                event = json.loads(message)
                if not isinstance(event.get("type"), str) or not isinstance(event.get("event_id"), str):
                    raise Finding(f"not a server event: {str(message)[:300]}")
                for value in (event.get("item_id"), event.get("response_id"), event.get("item", {}).get("id")):
                    if isinstance(value, str) and len(seen) < 200:
                        seen.append(value)

        async def talk() -> None:
            for _ in range(chance.randint(1, 80)):
                await socket.send(frames.next(seen))
                done["messages"] += 1
                if chance.random() < 0.2:
                    await asyncio.sleep(chance.random() * 0.05)

        async with asyncio.TaskGroup() as both:
            listening = both.create_task(listen())
            await _unless_gone(talk())
            if chance.random() < 0.5:
                # Abandoned: no closing handshake, in the middle of whatever is going on.
                socket.transport.abort()
            else:
                await asyncio.sleep(chance.random() * 0.2)
            listening.cancel()


async def _unless_gone(work: Any) -> None:
    with suppress(*_GONE):
        await work


async def _next(socket: ClientConnection) -> str | bytes | None:
    """The next message; None if there will be none."""
    try:
        return await socket.recv()
    except _GONE:
        return None


def _frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, length: int | None = None) -> bytes:
    """A frame of the WebSocket protocol; `length` may be a lie."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    mask = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask | size])
    elif size < 65536:
        head += bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", size)
    return head + (bytes(4) if masked else b"") + payload


def _handshake(url: str) -> bytes:
    host, _, path = url.removeprefix("ws://").partition("/")
    return (
        f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


async def _dial(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("ws://").partition("/")[0].rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _raw(url: str, chance: Random, done: Counter[str]) -> None:
    """Bytes that break the WebSocket protocol itself, or HTTP before it."""
    reader, writer = await _dial(url)
    try:
        hello = _handshake(url)
        match chance.randrange(4):
            case 0:
                writer.write(hello[: chance.randrange(len(hello))])
            case 1:
                place = chance.randrange(len(hello))
                writer.write(hello[:place] + chance.randbytes(chance.randint(1, 30)) + hello[place:])
            case _:
                writer.write(hello)
        await writer.drain()
        for _ in range(chance.randint(0, 20)):
            payload = json.dumps({"type": "response.create"}).encode()
            writer.write(
                chance.choice(
                    (
                        _frame(1, payload),
                        _frame(1, payload[:7], fin=False),
                        _frame(0, payload[7:]),
                        _frame(1, payload, masked=False),
                        _frame(2, chance.randbytes(50)),
                        _frame(1, b'{"type":"\xff\xfe"}'),
                        _frame(chance.randrange(16), chance.randbytes(20)),
                        _frame(9, b"ping" * 20),
                        _frame(10, b"pong"),
                        _frame(8, struct.pack("!H", chance.choice((0, 999, 1000, 1005, 3000, 65535))) + b"\xff"),
                        _frame(1, payload, length=chance.choice((5, 200, 70_000, MAX_BYTES + 1, 2**62))),
                        bytes([chance.randrange(256)]) * chance.randint(1, 20),
                    )
                )
            )
            done["messages"] += 1
            await writer.drain()
        if chance.random() < 0.5:
            async with asyncio.timeout(0.2):
                await reader.read(100)
    finally:
        writer.transport.abort()


async def _deaf(url: str, chance: Random, done: Counter[str]) -> None:
    """Asks for much and reads nothing."""
    reader, writer = await _dial(url)
    reader._limit = 1024  # type: ignore[attr-defined]  # so that the socket fills, not this process
    try:
        writer.write(_handshake(url))
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "word " * 80}]}
        ask = json.dumps({"type": "response.create", "response": {"conversation": "none", "input": [item]}})
        for _ in range(chance.randint(10, 300)):
            writer.write(_frame(1, ask.encode()))
            done["messages"] += 1
        async with asyncio.timeout(2):
            await writer.drain()
        await asyncio.sleep(chance.random() * 3)
    finally:
        writer.transport.abort()


async def _flood(url: str, chance: Random, done: Counter[str]) -> None:
    """As many messages as the socket takes."""
    message = chance.choice(
        (append(QUIET_MS), append(b""), '{"type":"response.cancel"}', "{", '{"type":"input_audio_buffer.clear"}')
    )
    async with connect(url, close_timeout=1) as socket:

        async def listen() -> None:
            while await _next(socket) is not None:
                pass

        async with asyncio.TaskGroup() as both:
            listening = both.create_task(listen())
            for _ in range(chance.randint(200, 3000)):
                await socket.send(message)
                done["messages"] += 1
            socket.transport.abort()
            listening.cancel()


async def _oversized(url: str, chance: Random, done: Counter[str]) -> None:
    """Messages about as large as may be, whole or cut off."""
    reader, writer = await _dial(url)
    try:
        writer.write(_handshake(url))
        await writer.drain()
        size = chance.choice((1024 * 1024, MAX_BYTES // 4, MAX_BYTES - 100, MAX_BYTES, MAX_BYTES + 1, 2 * MAX_BYTES))
        head, tail = b'{"type":"input_audio_buffer.append","audio":"', b'"}'
        body = head + b"A" * ((size - len(head) - len(tail)) // 4 * 4) + tail
        frame = _frame(1, body)
        cut = chance.choice((len(frame), len(frame), chance.randrange(len(frame))))
        writer.write(frame[:cut])
        done["messages"] += 1
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.random()):
                while await reader.read(65536):
                    pass
    finally:
        writer.transport.abort()


async def _gone_at_once(url: str, chance: Random, done: Counter[str]) -> None:
    """Connects and is not there any more."""
    for _ in range(chance.randint(1, 20)):
        _, writer = await _dial(url)
        writer.write(_handshake(url)[: chance.choice((0, 10, 500))])
        writer.transport.abort()
        done["messages"] += 1


# --- a session that checks itself -------------------------------------------------------------------------------------


async def be_healthy(url: str, name: str, until: float, done: Counter[str], waits_ms: list[float]) -> None:
    """One session after another, turn after turn, until it is time. Raises Finding for anything that is not right."""
    number = 0
    while time.monotonic() < until:
        async with connect(url, max_size=None) as socket:
            await _expect(socket, "session.created")
            for _ in range(20):
                number += 1
                began = time.monotonic()
                await _typed_turn(socket, f"{name} says number {number}")
                await _spoken_turn(socket)
                waits_ms.append((time.monotonic() - began) * 1000)
                done["healthy_turns"] += 2
                if time.monotonic() >= until:
                    break
                await asyncio.sleep(0.05)
        done["healthy_sessions"] += 1


async def _expect(socket: ClientConnection, name: str) -> list[dict[str, Any]]:
    """Events up to this one. Raises Finding for an error, and for silence."""
    events: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not events or events[-1]["type"] != name:
                events.append(json.loads(await socket.recv()))
                if events[-1]["type"] == "error":
                    raise Finding(f"a healthy session was refused something: {events[-1]['error']}")
    except TimeoutError as fault:
        raise Finding(f"no {name} within {PATIENCE_S} s; came: {[event['type'] for event in events]}") from fault
    except ConnectionClosed as fault:
        raise Finding(f"a healthy session was closed: {fault}") from fault
    return events


async def _typed_turn(socket: ClientConnection, words: str) -> None:
    update = {"type": "realtime", "output_modalities": ["text"]}
    await socket.send(json.dumps({"type": "session.update", "session": update}))
    await _expect(socket, "session.updated")
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send('{"type":"response.create"}')
    events = await _expect(socket, "response.done")
    said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta").strip()
    if said != words:
        raise Finding(f"{words!r} was answered by {said!r}")


async def _spoken_turn(socket: ClientConnection) -> None:
    update = {"type": "realtime", "output_modalities": ["audio"]}
    await socket.send(json.dumps({"type": "session.update", "session": update}))
    await _expect(socket, "session.updated")
    for piece in (LOUD_MS,) * 4 + (QUIET_MS,) * 7:
        await socket.send(append(piece * 100))
    names = [event["type"] for event in await _expect(socket, "response.done")]
    order = [
        *("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"),
        *("conversation.item.added", "conversation.item.done", "response.created", "response.output_audio.delta"),
    ]
    first = [names.index(name) if name in names else -1 for name in order]
    if first != sorted(first) or -1 in first or names.count("response.done") != 1:
        raise Finding(f"a spoken turn came out of order: {names}")
