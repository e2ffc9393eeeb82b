"""Whole calls over the network of this machine, with the stack that browsers have: sound both ways, and the end."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest

from duologue.errors import ConnectionClosed
from duologue.testing import scripted_engines
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, Peer, PeerSettings
from tests.server._listening import listening, scripted_app
from tests.server.calls._calls import CALLS, SDP, closed, error_of, event

pytest.importorskip("webrtc")
pytestmark = [
    pytest.mark.timeout(60),
    # wrtc drops the sound that waits at the end of a call.
    pytest.mark.filterwarnings("ignore:An AudioData was garbage collected:ResourceWarning"),
]

_SAMPLES = FRAME_BYTES // 2

_TONE = struct.pack(f"<{_SAMPLES}h", *(round(12_000 * math.sin(math.tau * n / 60)) for n in range(_SAMPLES)))
"""400 Hz, in whole periods: the codec lets no constant through."""

_SPOKEN: list[bytes] = [bytes(FRAME_BYTES)] * 25 + [_TONE] * 25


@asynccontextmanager
async def calling(settings: PeerSettings | None = None) -> AsyncGenerator[tuple[httpx.AsyncClient, Peer, Peer]]:
    """A client of a server whose peers have these settings, and two peers of callers."""
    from duologue.transports.webrtc.stacks import load_stack

    engines = scripted_engines(transcripts=("A question.",), responses=("One two three.",))
    app = scripted_app(engines, stack=load_stack(), peer_settings=settings)
    peers = [load_stack().new_peer(PeerSettings()) for _ in range(2)]
    async with listening(app) as url:
        base = url.replace("ws:", "http:").removesuffix("/v1/realtime")
        async with httpx.AsyncClient(base_url=base) as http, asyncio.timeout(40):
            try:
                yield http, peers[0], peers[1]
            finally:
                for peer in peers:
                    await peer.close()
    assert not len(app.calls)


async def connected(http: httpx.AsyncClient, peer: Peer) -> str:
    """Make a call; returns its path."""
    answer = await http.post(CALLS, content=await peer.offer(), headers=SDP)
    assert answer.status_code == 201, answer.text
    await peer.connect(answer.text)
    return answer.headers["location"]


async def speak(peer: Peer) -> None:
    """Speech, and silence until the call is over, at the speed of sound."""
    sent, began_at = 0, asyncio.get_running_loop().time()
    while True:
        peer.play(_SPOKEN[sent] if sent < len(_SPOKEN) else bytes(FRAME_BYTES))
        sent += 1
        await asyncio.sleep(max(0.0, began_at + sent * FRAME_MS / 1000 - asyncio.get_running_loop().time()))


async def listen(peer: Peer, heard: list[bytes]) -> None:
    try:
        while True:
            heard.append(await peer.hear())
    except ConnectionClosed:
        return


async def test_a_spoken_turn_is_heard_answered_and_played_and_the_call_hung_up() -> None:
    heard: list[bytes] = []
    async with calling() as (http, peer, _), asyncio.TaskGroup() as tasks:
        path = await connected(http, peer)
        await event(peer, "session.created")
        working = tasks.create_task(speak(peer)), tasks.create_task(listen(peer, heard))
        for kind in ("speech_started", "speech_stopped"):
            await event(peer, f"input_audio_buffer.{kind}")
        for kind in ("started", "stopped"):
            await event(peer, f"output_audio_buffer.{kind}")
        assert (await http.post(f"{path}/hangup")).status_code == 200
        assert await closed(peer) == 1000
        for task in working:
            task.cancel()
    assert sum(1 for frame in heard if max(frame[1::2], default=0)) > 10, "the answer was heard"


async def test_ports_that_are_used_up_are_503_until_a_call_ends() -> None:
    port = free_udp_port()
    async with calling(PeerSettings(udp_ports=(port, port))) as (http, first, second):
        await connected(http, first)
        await event(first, "session.created")
        refused = await http.post(CALLS, content=await second.offer(), headers=SDP)
        assert error_of(refused) == (503, "server_overloaded")
        await first.close()
        answer = refused
        while answer.status_code == 503:  # the server sees the end of the call a moment later
            answer = await http.post(CALLS, content=await second.offer(), headers=SDP)
        await second.connect(answer.text)
        await event(second, "session.created")


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("0.0.0.0", 0))
        return int(found.getsockname()[1])


async def test_a_peer_that_never_connects_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.server.calls.served_call._CONNECT_S", 0.3)
    async with calling() as (http, peer, _):
        answer = await http.post(CALLS, content=await peer.offer(), headers=SDP)
        assert answer.status_code == 201
        path = answer.headers["location"]
        for _ in range(500):
            await asyncio.sleep(0.02)
            if 'duologue_calls_total{connected="no"} 1.0' in (await http.get("/metrics")).text:
                break
        assert (await http.post(f"{path}/accept")).json()["error"]["code"] == "call_id_not_found"
