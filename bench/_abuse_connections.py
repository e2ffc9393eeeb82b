"""Attacks without a key: on connections, handshakes, headers, and what is read before the key."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from bench._abuse_wire import MIB, AttackConnection, Target, frame

__all__ = [
    "big_frames",
    "big_headers",
    "bodies_by_the_byte",
    "deflate_offers",
    "distinct_paths",
    "drip_headers",
    "endless_fragments",
    "half_bodies",
    "half_handshakes",
    "half_handshakes_everywhere",
    "idle_sessions",
    "pipelined_pages",
    "reset_connections",
    "silent_sockets",
    "unfinished_big_frames",
    "unread_pages",
    "wrong_keys",
]

BIG: Final = 15 * MIB
SOCKETS: Final = 1_100
"""More than the 1,024 descriptors that a process is given by default."""

_SECRETS: Final = "/v1/realtime/client_secrets"


async def unfinished_big_frames(target: Target) -> None:
    """Frames of 15 MiB without their last byte, and a disconnect."""
    most = frame(b"x" * (BIG - 1), length=BIG)

    async def one(_: int) -> None:
        link = await target.open()
        await link.write(most)
        target.outcome["frames"] += 1
        await asyncio.sleep(0.3)
        link.abort()

    await target.again(target.some(20), one)


async def big_frames(target: Target) -> None:
    """Whole frames of 15 MiB behind a handshake that has no key."""
    whole = frame(b"x" * BIG)

    async def one(_: int) -> None:
        link = await target.open()
        await link.write(whole)
        target.outcome["frames"] += 1
        await link.read_on()

    await target.again(target.some(20), one)


async def endless_fragments(target: Target) -> None:
    """A message without a key whose fragments go on until its size is the largest that may be."""

    async def one(_: int) -> None:
        link = await target.open()
        await link.write(frame(b"x", fin=False))
        for _ in range(15):
            await link.write(frame(b"x" * MIB, opcode=0, fin=False))
            target.outcome["fragments"] += 1
        await target.hold()

    await target.crowd(target.some(30), one)


async def _begin(target: Target, words: bytes, address: str) -> AttackConnection:
    link = await target.dial(address)
    await link.write(words)
    target.outcome["sockets"] += 1
    return link


async def half_handshakes(target: Target) -> None:
    """Requests whose headers do not end, from one address."""

    async def one(_: int) -> None:
        await _begin(target, b"GET /v1/realtime HTTP/1.1\r\nX-Slow: ", "127.0.0.2")

    await target.crowd(target.some(SOCKETS), one)
    await target.hold()


async def half_handshakes_everywhere(target: Target) -> None:
    """The same from two hundred addresses."""

    async def one(index: int) -> None:
        await _begin(target, b"GET /v1/realtime HTTP/1.1\r\nX-Slow: ", f"127.0.1.{1 + index % 200}")

    await target.crowd(target.some(SOCKETS), one)
    await target.hold()


async def silent_sockets(target: Target) -> None:
    """Silent connections."""

    async def one(_: int) -> None:
        await _begin(target, b"", "127.0.0.2")

    await target.crowd(target.some(SOCKETS), one)
    await target.hold()


async def drip_headers(target: Target) -> None:
    """A header that grows a byte at a time, so that the connection is never idle."""

    async def one(_: int) -> None:
        link = await _begin(target, b"GET /v1/realtime HTTP/1.1\r\nX-Slow: ", "127.0.0.2")
        while target.goes_on:
            await link.write(b"x")
            await asyncio.sleep(0.05)

    await target.crowd(target.some(300), one)


async def big_headers(target: Target) -> None:
    """Headers past any size: one that is long, many that are short, and a long query."""
    heads = (
        b"GET /v1/realtime HTTP/1.1\r\nX-Long: " + b"x" * (4 * MIB),
        b"GET /v1/realtime HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)),
        b"GET /v1/realtime?" + b"q" * (4 * MIB),
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nCookie: " + b"c" * (4 * MIB) + b"\r\n\r\n",
    )

    async def one(index: int) -> None:
        link = await target.dial()
        target.outcome["heads"] += 1
        await link.write(heads[index % len(heads)])
        await link.head()
        target.outcome[f"status {link.status}"] += 1
        link.abort()

    await target.again(target.some(16), one)


async def half_bodies(target: Target) -> None:
    """POST pages whose body stops in the middle."""
    body = b'{"session":{"type":"realtime","instructions":"' + b"x" * 500_000

    async def one(_: int) -> None:
        link = await target.dial()
        await link.write(target.post(_SECRETS, 1_000_000), body)
        target.outcome["bodies"] += 1

    await target.crowd(target.some(200), one)
    await target.hold()


async def bodies_by_the_byte(target: Target) -> None:
    """Chunked bodies of one byte in each chunk: many small pieces, or one at a time."""
    many = b"1\r\nx\r\n" * 10_000

    async def one(index: int) -> None:
        link = await target.dial()
        await link.write(target.post(_SECRETS, None))
        while target.goes_on:
            await link.write(many if index % 2 else b"1\r\nx\r\n")
            target.outcome["chunks"] += 10_000 if index % 2 else 1
            await asyncio.sleep(0.05)

    await target.again(target.some(60), one)


async def pipelined_pages(target: Target) -> None:
    """Thousands of requests on one connection, whose answers are read."""
    asks = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 2_000

    async def one(_: int) -> None:
        link = await target.dial()
        await link.write(asks)
        target.outcome["requests"] += 2_000
        for _ in range(2_000):
            await link.head()
        link.abort()

    await target.again(target.some(8), one)


async def unread_pages(target: Target) -> None:
    """Requests without end, whose answers are not read."""
    asks = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 2_000

    async def one(_: int) -> None:
        link = await target.dial()
        while target.goes_on:
            await link.write(asks)
            target.outcome["requests"] += 2_000

    await target.again(target.some(20), one)


async def wrong_keys(target: Target) -> None:
    """Handshakes and POSTs with keys that are made up."""

    async def one(index: int) -> None:
        link = await target.dial()
        words = f"Authorization: Bearer sk-{index:032x}"
        if index % 2:
            await link.write(target.hello(words))
        else:
            await link.write(target.post(_SECRETS, 2, words) + b"{}")
        await link.head()
        target.outcome[f"status {link.status}"] += 1
        if link.status == 101:
            await link.event()
        link.abort()

    await target.again(target.some(20), one)


async def deflate_offers(target: Target) -> None:
    """Handshakes that offer compression in a thousand ways, and compressed frames that were not negotiated."""
    offer = "permessage-deflate; client_max_window_bits=15; server_no_context_takeover, " * 90
    bomb = frame(b"\x00" * 1000, rsv1=True)

    async def one(_: int) -> None:
        link = await target.dial()
        await link.write(target.hello(f"Sec-WebSocket-Extensions: {offer}x"), bomb)
        await link.head()
        target.outcome[f"status {link.status}"] += 1
        await link.read_on()
        link.abort()

    await target.again(target.some(20), one)


async def reset_connections(target: Target) -> None:
    """Connections that are reset at once, with or without a handshake."""

    async def one(index: int) -> None:
        link = await target.dial()
        await link.write(target.hello() if index % 2 else b"GET ")
        link.abort()
        target.links.clear()
        target.outcome["connections"] += 1

    await target.again(target.some(20), one)


async def distinct_paths(target: Target) -> None:
    """Paths, methods and models that are new in each request, so that anything kept for each would grow."""

    async def one(index: int) -> None:
        link = await target.dial()
        for number in range(200):
            path = f"/v1/{index}/{number}/" + "p" * 2_000
            await link.write(f"M{index} {path} HTTP/1.1\r\nHost: {index}.{number}\r\n\r\n".encode())
            head = await link.head()
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            await link.reader.readexactly(length)
            target.outcome[f"status {link.status}"] += 1
        link.abort()

    await target.again(target.some(8), one)


async def idle_sessions(target: Target) -> None:
    """As many idle sessions as there may be: if one address could have all, others would get none."""

    async def one(_: int) -> None:
        await target.session()

    for _ in range(target.some(22)):
        await target.crowd(50, one)
    await target.hold()


def secret_body(size: int) -> bytes:
    """The body of a request for a client secret, of about this size."""
    return json.dumps({"session": {"type": "realtime", "instructions": "x" * (size - 100)}}).encode()
