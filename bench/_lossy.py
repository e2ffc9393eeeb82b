"""A way between two peers on which sound gets lost: a UDP relay that drops RTP, and nothing else."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, cast

__all__ = ["lossy_way"]

_CANDIDATE: Final = re.compile(r"a=candidate:.*\r\n")
_ADDRESS: Final = re.compile(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) ", re.IGNORECASE)

Address = tuple[str, int]


class _Relay:
    def __init__(self, target: Address, *, loss: float, delay_s: float, jitter_s: float, seed: int) -> None:
        self.target = target
        self.client: Address | None = None
        self.dropped = self.passed = 0
        self.inner, self.outer = _Socket(self.from_client), _Socket(self.from_server)
        self._loss, self._delay_s, self._jitter_s = loss, delay_s, jitter_s
        self._chance = random.Random(seed)

    def from_client(self, packet: bytes, address: Address) -> None:
        self.client = address
        self._later(packet, self.outer, self.target)

    def from_server(self, packet: bytes, _: Address) -> None:
        if self.client is not None:
            self._later(packet, self.inner, self.client)

    def _later(self, packet: bytes, socket: _Socket, address: Address) -> None:
        if _is_rtp(packet):
            if self._chance.random() < self._loss:
                self.dropped += 1
                return
            self.passed += 1
        delay_s = self._delay_s + self._chance.random() * self._jitter_s
        asyncio.get_running_loop().call_later(delay_s, socket.send, packet, address)


class _Socket(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._received(data, addr)

    def send(self, packet: bytes, address: Address) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(packet, address)


def _is_rtp(packet: bytes) -> bool:
    """RFC 7983 tells it from STUN and DTLS, RFC 5761 from RTCP."""
    return len(packet) > 12 and 128 <= packet[0] < 192 and not 192 <= packet[1] < 224


@asynccontextmanager
async def lossy_way(
    answer: str, *, loss: float, delay_s: float = 0.03, jitter_s: float = 0.01, seed: int = 0
) -> AsyncGenerator[tuple[str, _Relay]]:
    """The answer with the relay as the only candidate, and the relay. Both directions lose the share `loss` of RTP."""
    found = _ADDRESS.search(answer)
    assert found is not None, "the answer has no candidate with an IPv4 address"
    relay = _Relay((found[1], int(found[2])), loss=loss, delay_s=delay_s, jitter_s=jitter_s, seed=seed)
    loop = asyncio.get_running_loop()
    for socket in (relay.inner, relay.outer):
        await loop.create_datagram_endpoint(lambda socket=socket: socket, local_addr=(found[1], 0))  # type: ignore[misc]
    port = relay.inner.transport.get_extra_info("sockname")[1]
    candidate = f"a=candidate:1 1 udp 2122260223 {found[1]} {port} typ host\r\n"
    without = _CANDIDATE.sub("", answer)
    try:
        yield without.replace("a=ice-ufrag", f"{candidate}a=ice-ufrag", 1), relay
    finally:
        for socket in (relay.inner, relay.outer):
            socket.transport.close()
