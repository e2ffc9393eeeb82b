"""Attackers, and a healthy client that the server must serve correctly."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from fuzz._frames import LOUD_MS, QUIET_MS, Frames, append
from fuzz._tools import HIDDEN, Secrets, asks_for_tool, body, is_over, mcp_frames, posted, secret_of

__all__ = ["PATIENCE_S", "Attack", "Finding", "Place", "Received", "attack", "be_healthy", "converse"]

HTTP_OVERLOADED: Final = 503
"""The attackers' own secrets may fill what there is for them."""

MAX_BYTES: Final = 16 * 1024 * 1024
PATIENCE_S: Final = 15
"""The machine is busy with the attack itself; a session that waits longer than this is not served."""

_GONE: Final = (ConnectionClosed, OSError, InvalidHandshake, InvalidMessage, EOFError)
"""What an attacker's calls raise when the server has closed its connection."""


class Finding(Exception):
    """The server did what it must not."""


# --- attackers --------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """What is attacked, and what attackers share."""

    url: str
    peer: str
    """The MCP servers that may be named, honest ones and hostile ones."""
    secrets: Secrets
    live: list[str]
    """Ids of Live sessions, to which sidebands are attached and which are forked."""


Attack: TypeAlias = Callable[[Place, Random, Counter[str]], Awaitable[None]]


async def attack(place: Place, chance: Random, done: Counter[str], *, also: tuple[Attack, ...] = ()) -> None:
    """One attack of any kind, of these too."""
    kinds = (
        (_shaken,) * 4 + (_raw, _raw, _deaf, _flood, _oversized, _gone_at_once) + (_tools,) * 3 + (_secrets,) * 2 + also
    )
    kind = chance.choice(kinds)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            try:
                await kind(place, chance, done)
            except _GONE:
                done["thrown_out"] += 1
    done[kind.__name__.strip("_")] += 1


_WITHOUT_ID: Final = frozenset({"session.output_audio.delta", "session.input_audio.append"})
"""Audio of Live sessions."""


class Received:
    """What a session has sent to an attacker. Raises Finding for what is no event, or has what is not for clients."""

    def __init__(self) -> None:
        self.ids = ["item_1"]
        self.approvals: list[str] = []
        self.live: list[str] = []
        """Ids of Live sessions."""

    def read(self, message: str | bytes) -> None:
        """One message."""
        if (HIDDEN if isinstance(message, str) else HIDDEN.encode()) in message:  # type: ignore[operator]
            raise Finding(f"a key for an MCP server was shown: {str(message)[:300]}")
        event = json.loads(message)
        named = isinstance(event.get("event_id"), str) or event.get("type") in _WITHOUT_ID
        if not isinstance(event.get("type"), str) or not named:
            raise Finding(f"not a server event: {str(message)[:300]}")
        item, delegation = event.get("item", {}), event.get("delegation", {})
        if event["type"] == "session.started":
            self.live = [event["session"]["id"]]
        for value in (event.get("item_id"), event.get("response_id"), item.get("id"), delegation.get("id")):
            if isinstance(value, str):
                self.ids = [*self.ids[-200:], value]
        if item.get("type") == "mcp_approval_request":
            self.approvals = [*self.approvals[-50:], item["id"]]


async def converse(
    url: str,
    next_frames: Callable[[Received], list[str | bytes]],
    most: int,
    chance: Random,
    done: Counter[str],
    key: str = "",
) -> None:
    """A session of such messages, ended anyhow; everything that comes back must still be an event."""
    received, headers = Received(), {"Authorization": f"Bearer {key}"} if key else {}
    async with connect(url, max_size=None, close_timeout=1, additional_headers=headers) as socket:

        async def listen() -> None:
            while (message := await _next(socket)) is not None:
                received.read(message)

        async def talk() -> None:
            for _ in range(chance.randint(1, most)):
                for message in next_frames(received):
                    await socket.send(message)
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


async def _shaken(place: Place, chance: Random, done: Counter[str]) -> None:
    """A session of messages that were real once."""
    frames = Frames(chance)
    intent = chance.choice(("", "", "?intent=transcription", "?model=%00%ff", "?model=m&model=" + "n" * 2000))
    await converse(place.url + intent, lambda received: [frames.next(received.ids)], 80, chance, done)


async def _tools(place: Place, chance: Random, done: Counter[str], key: str = "") -> None:
    """A session that offers MCP servers of all kinds, has them called, and takes calls and approvals away again."""
    frames = Frames(chance)

    def next_frames(received: Received) -> list[str | bytes]:
        return mcp_frames(place.peer, chance, received.ids, received.approvals, frames)

    await converse(place.url, next_frames, 40, chance, done, key)


async def _secrets(place: Place, chance: Random, done: Counter[str]) -> None:
    """Requests for client secrets of all kinds; sessions by good ones, made-up ones, and those that are over."""
    frames = Frames(chance)
    path = "/v1/realtime/" + chance.choice(("client_secrets", "client_secrets", "sessions"))
    status, answer = await posted(place.url, path, body(place.peer, chance, frames), "", chance)
    done[f"posts_{status}"] += 1
    if HIDDEN.encode() in answer:
        raise Finding(f"a key for an MCP server was shown: {answer[:300]!r}")
    if status >= 500 and status != HTTP_OVERLOADED:
        raise Finding(f"a request for a client secret was answered by {status}: {answer[:300]!r}")
    if (made := secret_of(answer)) is not None:
        place.secrets.keep(made)
    secret = place.secrets.any(chance)
    if secret is None:
        return
    if is_over(secret):
        await _refused(place.url, secret.value)
        done["expired_secrets"] += 1
    elif chance.random() < 0.1:
        await _refused(place.url, secret.value[:-1] + "x")
        done["made_up_secrets"] += 1
    else:
        await _tools(place, chance, done, secret.value)
        done["secret_sessions"] += 1


async def _refused(url: str, key: str) -> None:
    """A session that must not be. Raises Finding if it is."""
    try:
        async with connect(url, close_timeout=1, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
            first = await _next(socket)
    except _GONE:
        return
    if first is not None and json.loads(first)["type"] != "error":
        raise Finding(f"a client secret that is none opened a session: {str(first)[:200]}")


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


async def _raw(place: Place, chance: Random, done: Counter[str]) -> None:
    """Bytes that break the WebSocket protocol itself, or HTTP before it."""
    reader, writer = await _dial(place.url)
    try:
        hello = _handshake(place.url)
        match chance.randrange(4):
            case 0:
                writer.write(hello[: chance.randrange(len(hello))])
            case 1:
                cut = chance.randrange(len(hello))
                writer.write(hello[:cut] + chance.randbytes(chance.randint(1, 30)) + hello[cut:])
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


async def _deaf(place: Place, chance: Random, done: Counter[str]) -> None:
    """Asks for much and reads nothing."""
    reader, writer = await _dial(place.url)
    reader._limit = 1024  # type: ignore[attr-defined]  # so that the socket fills, not this process
    try:
        writer.write(_handshake(place.url))
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


async def _flood(place: Place, chance: Random, done: Counter[str]) -> None:
    """As many messages as the socket takes."""
    message = chance.choice(
        (append(QUIET_MS), append(b""), '{"type":"response.cancel"}', "{", '{"type":"input_audio_buffer.clear"}')
    )
    async with connect(place.url, close_timeout=1) as socket:

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


async def _oversized(place: Place, chance: Random, done: Counter[str]) -> None:
    """Messages about as large as may be, whole or cut off."""
    reader, writer = await _dial(place.url)
    try:
        writer.write(_handshake(place.url))
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


async def _gone_at_once(place: Place, chance: Random, done: Counter[str]) -> None:
    """Connects and disconnects at once."""
    for _ in range(chance.randint(1, 20)):
        _, writer = await _dial(place.url)
        writer.write(_handshake(place.url)[: chance.choice((0, 10, 500))])
        writer.transport.abort()
        done["messages"] += 1


# --- a session that checks itself -------------------------------------------------------------------------------------


async def be_healthy(place: Place, name: str, until: float, done: Counter[str], waits_ms: list[float]) -> None:
    """One session after another, turn after turn, until it is time. Raises Finding for anything that is not right."""
    number = 0
    while time.monotonic() < until:
        # Every other one has a client secret of its own.
        secret = await _own_secret(place.url) if number % 2 else ""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        async with connect(place.url, max_size=None, additional_headers=headers) as socket:
            await _expect(socket, "session.created")
            for _ in range(20):
                number += 1
                began = time.monotonic()
                await _typed_turn(socket, f"{name} number {number}")
                await _spoken_turn(socket)
                if number % 5 == 1:
                    await _tool_turn(socket, place.peer)
                    done["healthy_calls"] += 1
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


async def _own_secret(url: str) -> str:
    """A client secret. Raises Finding if there is none to be had."""
    whole = Random(1)  # whose first numbers make one whole request
    status, answer = await posted(url, "/v1/realtime/client_secrets", b'{"session":{"type":"realtime"}}', "", whole)
    if (secret := secret_of(answer)) is None:
        raise Finding(f"a healthy client got no client secret: {status} {answer[:200]!r}")
    return secret.value


async def _tool_turn(socket: ClientConnection, peer: str) -> None:
    """A call of an honest server's tool, between other people's calls of hostile ones."""
    tool = {"type": "mcp", "server_label": "a", "server_url": f"{peer}/mcp/honest", "require_approval": "never"}
    await socket.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "tools": [tool]}}))
    await _expect(socket, "mcp_list_tools.completed")
    for frame in asks_for_tool("echo"):
        await socket.send(frame)
    events = await _expect(socket, "response.mcp_call.completed")
    if "response.done" not in [event["type"] for event in events]:
        events += await _expect(socket, "response.done")
    items = [event.get("item", {}) for event in events]
    while not any(item.get("type") == "mcp_call" and item.get("output") == "the echo" for item in items):
        items = [event.get("item", {}) for event in await _expect(socket, "conversation.item.done")]
    await socket.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "tools": []}}))
    await _expect(socket, "session.updated")


async def _typed_turn(socket: ClientConnection, words: str) -> None:
    update = {"type": "realtime", "output_modalities": ["text"]}
    await socket.send(json.dumps({"type": "session.update", "session": update}))
    await _expect(socket, "session.updated")
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send('{"type":"response.create"}')
    events = await _expect(socket, "response.done")
    answer = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta").strip()
    if answer != words:
        raise Finding(f"{words!r} was answered by {answer!r}")


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
