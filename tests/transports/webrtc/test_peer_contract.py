"""What every stack behind the seam does, in memory and over the network, also with the other stack at the other end."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any

import pytest

from duologue.errors import ConnectionClosed, LocalProtocolError
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import (
    FRAME_BYTES,
    InvalidOffer,
    MessageTooLong,
    NoPortsLeft,
    Peer,
    PeerSettings,
)
from duologue.transports.webrtc.stacks import STACKS, load_stack
from tests.transports.webrtc._calls import PAIRS, WITHIN_S, Call, call_over, loudest_hz, new_stacks, play, tone

_CANDIDATE = re.compile(r"^a=candidate:\S+ \d \S+ \d+ (\S+) (\d+) typ (\S+)", re.MULTILINE)


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def call(pair: str) -> AsyncGenerator[Call]:
    async with call_over(pair) as connected:
        yield connected


async def test_messages_arrive_both_ways_in_order(call: Call) -> None:
    messages = [f"{number} é {'x' * (number * 97 % 5000)}" for number in range(200)]

    async def send(peer: Peer) -> None:
        for message in messages:
            await peer.send(message)

    async def receive(peer: Peer) -> list[str | bytes]:
        return [await peer.receive() for _ in messages]

    async with asyncio.timeout(WITHIN_S):
        *_, received, received_back = await asyncio.gather(
            send(call.offerer), send(call.answerer), receive(call.answerer), receive(call.offerer)
        )
    assert received == received_back == messages


async def test_the_longest_message_arrives_and_a_longer_one_is_refused(call: Call) -> None:
    async with asyncio.timeout(WITHIN_S):
        for sender, receiver in call.ends():
            most = sender.max_message_bytes
            with pytest.raises(MessageTooLong) as caught:
                await sender.send("é" * (most // 2) + "xx")
            assert (caught.value.n_bytes, caught.value.max_bytes) == (most + 2 - most % 2, most)
            await sender.send("é" + "x" * (most - 2))
            assert await receiver.receive() == "é" + "x" * (most - 2)


async def test_what_waits_in_the_channel_stays_below_the_backlog(pair: str) -> None:
    settings = PeerSettings(backlog_bytes=100_000)
    message = "x" * 50_000
    async with call_over(pair, settings) as call, asyncio.timeout(WITHIN_S):

        async def send() -> int:
            most = 0
            for _ in range(12):
                await call.offerer.send(message)
                most = max(most, _buffered(call.offerer))
            return most

        async def receive() -> None:
            for _ in range(12):
                assert await call.answerer.receive() == message

        most, _ = await asyncio.gather(send(), receive())
    assert most <= settings.backlog_bytes + len(message)


def _buffered(peer: Peer) -> int:
    channel: Any = getattr(peer, "_channel", None)
    names = ("buffered_amount", "bufferedAmount")
    return max((int(getattr(channel, name, 0)) for name in names), default=0)


async def test_each_end_hears_what_the_other_plays(call: Call) -> None:
    async def hear(peer: Peer) -> float:
        heard = [await peer.hear() for _ in range(60)]
        assert {len(frames) % FRAME_BYTES for frames in heard} == {0}
        return loudest_hz(b"".join(heard[20:]))

    async with asyncio.timeout(WITHIN_S):
        *_, there, here = await asyncio.gather(
            play(call.offerer, tone(440, frames=70)),
            play(call.answerer, tone(1000, frames=70)),
            hear(call.answerer),
            hear(call.offerer),
        )
    assert there == pytest.approx(440, abs=15)
    assert here == pytest.approx(1000, abs=15)


async def test_a_stack_hears_on_while_the_other_end_plays_nothing(pair: str) -> None:
    """A voice detector ends a turn by what it hears, not by what it does not hear."""
    if pair == "memory":
        pytest.skip("there every frame heard is one that was played")
    async with call_over(pair) as call, asyncio.timeout(WITHIN_S):
        await play(call.offerer, tone(440, frames=10))
        heard = b"".join([await call.answerer.hear() for _ in range(60)])
    assert not any(heard[-FRAME_BYTES // 4 :])


async def test_sound_behind_a_pause_is_heard(pair: str) -> None:
    if pair == "memory":
        pytest.skip("there every frame heard is one that was played")

    async def until_loud(peer: Peer) -> None:
        loud = 0
        while loud < 15:
            loud += max(await peer.hear()) > 0

    async with call_over(pair) as call, asyncio.timeout(WITHIN_S):
        await asyncio.gather(play(call.offerer, tone(440, frames=25)), until_loud(call.answerer))
        for _ in range(40):
            await call.offerer.hear()  # silence, which lasts as long as it does
        await asyncio.gather(play(call.offerer, tone(440, frames=25)), until_loud(call.answerer))


async def test_a_close_lets_the_last_message_through_and_is_a_normal_end(pair: str) -> None:
    for closes, waits in ((0, 1), (1, 0)):
        async with call_over(pair) as call, asyncio.timeout(WITHIN_S):
            await call[closes].send("last")
            await call[closes].close()
            assert await call[waits].receive() == "last"
            with pytest.raises(ConnectionClosed) as caught:
                await call[waits].receive()
            assert caught.value.code == 1000


async def test_what_waits_at_either_end_is_released_by_a_close(call: Call) -> None:
    async def until_closed(peer: Peer) -> None:
        with suppress(ConnectionClosed):
            while True:
                await peer.hear()

    async with asyncio.timeout(WITHIN_S):
        waiting = asyncio.gather(
            *(until_closed(peer) for peer in call), *(peer.receive() for peer in call), return_exceptions=True
        )
        await call.offerer.close()
        outcomes = await waiting
    assert [type(one).__mro__[1] for one in outcomes if isinstance(one, Exception)] == [ConnectionClosed] * 2


async def test_a_closed_peer_sends_and_hears_no_more(call: Call) -> None:
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(call.offerer.close(), call.offerer.close())
        await call.offerer.close()
        for verb in (call.offerer.send("late"), call.offerer.receive(), call.offerer.hear()):
            with pytest.raises(ConnectionClosed):
                await verb
        call.offerer.play(bytes(FRAME_BYTES))


async def test_a_peer_that_never_connected_closes(pair: str) -> None:
    offering, answering = new_stacks(pair)
    unused, offerer, answerer = (
        offering.new_peer(PeerSettings()),
        *(s.new_peer(PeerSettings()) for s in (offering, answering)),
    )
    async with asyncio.timeout(WITHIN_S):
        await answerer.answer(await offerer.offer())
        await asyncio.gather(unused.close(), offerer.close(), answerer.close())


async def test_cancelling_loses_no_message(call: Call) -> None:
    async with asyncio.timeout(WITHIN_S):
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await call.answerer.receive()
        await call.offerer.send("one")
        await call.offerer.send("two")
        assert [await call.answerer.receive() for _ in range(2)] == ["one", "two"]


async def test_figures_are_kept_at_the_end(call: Call) -> None:
    async with asyncio.timeout(WITHIN_S):
        await play(call.offerer, tone(440, frames=20))
        for _ in range(10):
            await call.answerer.hear()
        before = await call.answerer.figures()
        await call.answerer.close()
        after = await call.answerer.figures()
    assert before.received_packets
    assert after.received_packets
    assert after.received_packets >= before.received_packets
    assert after.lost_packets == 0


@pytest.mark.parametrize("stack", ["memory", *STACKS])
@pytest.mark.parametrize("offer", ["", "v=0", "{}", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "x" * 70_000])
async def test_what_is_no_offer_is_refused(stack: str, offer: str) -> None:
    peer = (MemoryStack() if stack == "memory" else load_stack(stack)).new_peer(PeerSettings())
    try:
        with pytest.raises(InvalidOffer):
            await peer.answer(offer)
    finally:
        await peer.close()


@pytest.mark.parametrize("stack", STACKS)
async def test_the_answer_to_another_offer_is_refused(stack: str) -> None:
    peer = load_stack(stack).new_peer(PeerSettings())
    try:
        await peer.offer()
        with pytest.raises(InvalidOffer):
            await peer.connect("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")
    finally:
        await peer.close()


@pytest.mark.parametrize("pair", ["memory", "wrtc"])
async def test_used_up_ports_are_said_and_are_free_again_behind_a_close(pair: str) -> None:
    offering, answering = new_stacks(pair) if pair != "memory" else (MemoryStack(n_ports=4),) * 2
    first, last = _free_range(4)
    async with AsyncExitStack() as closing, asyncio.timeout(WITHIN_S):

        async def answered() -> Call:
            call = Call(offering.new_peer(PeerSettings()), answering.new_peer(PeerSettings(udp_ports=(first, last))))
            for peer in call:
                closing.push_async_callback(peer.close)
            answer = await call.answerer.answer(await call.offerer.offer())
            assert all(first <= int(port) <= last for _, port, _ in _CANDIDATE.findall(answer))
            return call

        calls: list[Call] = []
        with suppress(NoPortsLeft):
            while len(calls) < 5:
                calls.append(await answered())
        assert 1 <= len(calls) <= 4
        await asyncio.gather(*(peer.close() for peer in calls[0]))
        await answered()


def _free_range(length: int) -> tuple[int, int]:
    """Ports that are free at the moment, below those that the system gives away by itself."""
    for first in range(20_000, 30_000, length):
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + length):
                probe = probes.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                probe.bind(("", port))
            return first, first + length - 1
    raise AssertionError("no free ports")


async def test_aiortc_says_that_it_keeps_to_no_range_of_ports() -> None:
    with pytest.raises(LocalProtocolError, match="wrtc"):
        load_stack("aiortc").new_peer(PeerSettings(udp_ports=(40_000, 40_100)))


@pytest.mark.parametrize("stack", STACKS)
async def test_every_candidate_is_one_of_this_machine(stack: str) -> None:
    peer, answerer = (load_stack(stack).new_peer(PeerSettings()) for _ in range(2))
    try:
        offer = await peer.offer()
        answer = await answerer.answer(offer)
    finally:
        await asyncio.gather(peer.close(), answerer.close())
    for description in (offer, answer):
        found = _CANDIDATE.findall(description)
        assert found
        assert {kind for _, _, kind in found} == {"host"}
        for address, _, _ in found:
            family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))  # fails for the address of another machine


@pytest.mark.parametrize("stack", STACKS)
async def test_the_public_address_stands_in_place_of_the_machines_own(stack: str) -> None:
    offerer, answerer = (
        load_stack(stack).new_peer(PeerSettings()),
        load_stack(stack).new_peer(PeerSettings(public_address="203.0.113.9")),
    )
    try:
        answer = await answerer.answer(await offerer.offer())
    finally:
        await asyncio.gather(offerer.close(), answerer.close())
    assert {address for address, _, _ in _CANDIDATE.findall(answer)} == {"203.0.113.9"}


@pytest.mark.parametrize("pair", PAIRS[1:])
async def test_no_packet_goes_to_a_candidate_of_the_offer(pair: str) -> None:
    offering, answering = new_stacks(pair)
    call = Call(offering.new_peer(PeerSettings()), answering.new_peer(PeerSettings()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bystander:
        bystander.setblocking(False)
        try:
            async with asyncio.timeout(WITHIN_S):
                offer = await call.offerer.offer()
                address = next(address for address, _, _ in _CANDIDATE.findall(offer) if ":" not in address)
                bystander.bind((address, 0))
                planted = f"a=candidate:7 1 udp 2130706431 {address} {bystander.getsockname()[1]} typ host"
                offer = offer.replace("a=ice-ufrag", f"{planted}\r\na=ice-ufrag")
                await call.offerer.connect(await call.answerer.answer(offer))
                await call.offerer.send("here")
                assert await call.answerer.receive() == "here"
                await play(call.offerer, tone(440, frames=25))
            with pytest.raises(BlockingIOError):
                bystander.recv(2000)
        finally:
            await asyncio.gather(*(peer.close() for peer in call))
