"""Attacks on calls over WebRTC: offers and forms that are wrong, calls that never connect, floods on data channels."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final

from bench._abuse_wire import GONE, MIB, Target, created, frame, user_item

_PATH: Final = "/v1/realtime/calls"
_SDP: Final = "application/sdp"
_FORM: Final = "multipart/form-data; boundary=x"
_PAGE: Final = "/v1/realtime?call_id="


def _offer(*more: str) -> bytes:
    """An offer of audio and events that a stack answers, whose other end nothing ever reaches."""
    fingerprint = ":".join(f"{byte:02X}" for byte in random.randbytes(32))
    lines = (
        *("v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=msid-semantic: WMS"),
        *("m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 24),
        *(f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass", "a=mid:0", "a=sendrecv", "a=rtcp-mux"),
        *("a=rtpmap:111 opus/48000/2", *more),
        *("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=ice-ufrag:abcd"),
        *("a=ice-pwd:" + "p" * 24, f"a=fingerprint:sha-256 {fingerprint}", "a=setup:actpass", "a=mid:1"),
        *("a=sctp-port:5000", "a=max-message-size:262144"),
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


async def _post(target: Target, path: str, body: bytes, content_type: str = _SDP) -> tuple[int, bytes]:
    """The status and the head of the answer, on a connection of its own."""
    link = await target.dial()
    head = target.post(path, len(body)).replace(b"application/json", content_type.encode())
    try:
        await link.write(head, body)
        answer = await link.head()
    finally:
        link.abort()
        target.links.remove(link)
    target.outcome[f"status {link.status}"] += 1
    return link.status, answer


async def _call(target: Target) -> str:
    """The id of a call that nothing will connect. Raises EOFError: it is refused."""
    status, head = await _post(target, _PATH, _offer())
    if status != 201:
        await asyncio.sleep(0.01)
        raise EOFError
    target.outcome["calls"] += 1
    return _id_in(head)


def _id_in(head: bytes) -> str:
    return head.lower().partition(b"location: ")[2].partition(b"\r\n")[0].rpartition(b"/")[2].decode()


async def unconnected_calls(target: Target) -> None:
    """Calls as fast as they are answered, whose answers are thrown away."""

    async def one(_: int) -> None:
        await _call(target)

    await target.again(target.some(20), one)


async def hung_up_calls(target: Target) -> None:
    """Calls that are hung up as soon as they are answered, so that no limit of open ones is reached."""

    async def one(_: int) -> None:
        await _post(target, f"{_PATH}/{await _call(target)}/hangup", b"")

    await target.again(target.some(10), one)


def _bad_offers() -> Iterator[tuple[bytes, str]]:
    """Bodies that are refused, each for another reason, with their types."""
    part = b'--x\r\nContent-Disposition: form-data; name="'
    section = b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    return cycle(
        (
            (b"v=0\r\n" + b"a=x\r\n" * 13_000, _SDP),
            (b"v=0\r\n" + section * 2_000, _SDP),
            (_offer(*("a=candidate:1 1 udp 1 192.0.2.1 9 typ host",) * 1_000, "a=mid:0" * 200), _SDP),
            (_offer(*("a=ssrc:1 cname:x",) * 1_900), _SDP),
            (_offer(*(f"a=rtpmap:111 opus/{n}/2" for n in range(1_500))), _SDP),
            (_offer("a=\x1b[31m"), _SDP),
            (b"\xff" * 60_000, _SDP),
            (b"x" * 2 * MIB, _SDP),
            (b"".join(part + str(n).encode() + b'"\r\n\r\n\r\n' for n in range(15_000)) + b"--x--", _FORM),
            (part + b'sdp"; ' + b'x="\\";' * 600 + b"\r\n\r\n" + _offer() + b"\r\n--x--", _FORM),
            (part + b"a" * MIB, _FORM),
            (
                part + b'sdp"\r\n\r\n' + _offer() + b"\r\n" + part + b'session"\r\n\r\n' + b"[" * MIB + b"\r\n--x--",
                _FORM,
            ),
            (b"\r\n--x" * 200_000, _FORM),
        )
    )


async def bad_offers(target: Target) -> None:
    """Offers and forms that are large, deep, endless or malformed."""
    bodies = _bad_offers()

    async def one(_: int) -> None:
        status, head = await _post(target, _PATH, *next(bodies))
        if status == 201:  # odd, and yet an offer
            await _post(target, f"{_PATH}/{_id_in(head)}/hangup", b"")

    await target.again(target.some(10), one)


async def call_sidebands(target: Target) -> None:
    """Sidebands that read nothing, as many as a call takes and more, and have large items sent to all of them."""
    item = frame(created(user_item("x" * 200_000)))
    retrieve = [frame(json.dumps({"type": "conversation.item.retrieve", "item_id": "i"}).encode())] * 20
    first = frame(created({**user_item("y" * 200_000), "id": "i"}))

    async def one(_: int) -> None:
        call_id = await _call(target)

        async def join(number: int) -> None:
            link = await target.dial()
            await link.write(target.hello(path=_PAGE + call_id))
            await link.head()
            target.outcome[f"sideband {link.status}"] += 1
            await link.write(first if number == 0 else item)
            while target.goes_on:
                await link.write(*retrieve)
                target.outcome["messages"] += len(retrieve)

        await target.crowd(24, join)

    await target.again(target.some(4), one)


async def call_strangers(target: Target) -> None:
    """Calls of others: guessed ids are joined, hung up and sent what is for SIP alone."""

    async def one(index: int) -> None:
        call_id = f"rtc_{random.randbytes(16).hex()}" if index % 2 else "rtc_%0d%0a%1b[31m" + "x" * 60
        if index % 3:
            status, _ = await _post(target, f"{_PATH}/{call_id}/{('hangup', 'refer')[index % 3 - 1]}", b"{}")
            if status == 200:
                target.faults.append("a call of another was ended")
        else:
            link = await target.dial()
            await link.write(target.hello(path=_PAGE + call_id))
            await link.head()
            target.outcome[f"sideband {link.status}"] += 1
            link.abort()

    await target.again(target.some(20), one)


async def channel_floods(target: Target) -> None:
    """Connected calls that send the longest messages, garbage and events that have long answers, and read nothing."""
    from duologue.transports.webrtc.peer import PeerSettings
    from duologue.transports.webrtc.stacks import load_stack

    stack = load_stack()
    texts = ("x" * 262_000, created(user_item("y" * 250_000)).decode(), "{}", json.dumps({"type": "response.create"}))

    async def one(index: int) -> None:
        peer = stack.new_peer(PeerSettings())
        try:
            await peer.connect((await _answer(target, await peer.offer())).decode())
            async with asyncio.timeout(10):
                while target.goes_on:
                    await peer.send(texts[index % len(texts)])
                    target.outcome["messages"] += 1
        finally:
            await peer.close()

    async def contained(index: int) -> None:
        try:
            await one(index)
        except GONE:
            raise
        except Exception as fault:
            target.outcome[type(fault).__name__] += 1
            await asyncio.sleep(0.01)

    await target.again(target.some(8), contained)


async def _answer(target: Target, offer: str) -> bytes:
    link = await target.dial()
    body: Any = offer.encode()
    await link.write(target.post(_PATH, len(body)).replace(b"application/json", _SDP.encode()), body)
    head = await link.head()
    target.outcome[f"status {link.status}"] += 1
    if link.status != 201:
        link.abort()
        raise EOFError
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answer = await link.reader.readexactly(length)
    link.abort()
    return answer
