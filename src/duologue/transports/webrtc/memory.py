"""Peers that are connected in memory: calls without a network, for tests and for a server and a client in one process.

The descriptions that they exchange look like SDP and carry nothing but the number of the offer, so that they pass
through whatever carries SDP. Sound is neither encoded nor timed: what one end plays, the other hears at once.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.transports.memory import SharedState
from duologue.transports.webrtc.peer import (
    InvalidOffer,
    MessageTooLong,
    NoPortsLeft,
    PeerFigures,
    PeerSettings,
)

__all__ = ["MemoryPeer", "MemoryStack", "memory_peers"]

_CHROMIUM_MESSAGE_BYTES: Final = 262_144

_MAX_HEARD: Final = 3000
"""Frames that are kept for an end that does not hear: a minute. A stack drops the oldest in much less time."""

_DESCRIPTION: Final = """\
v=0
o=- {number} 1 IN IP4 127.0.0.1
s={role}
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=rtpmap:111 opus/48000/2
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=sctp-port:5000
a=max-message-size:{max_message_bytes}
""".replace("\n", "\r\n")

_NUMBER: Final = re.compile(r"^o=- (\d{1,9}) ", re.MULTILINE)


class MemoryPeer:
    """One end of a call in memory; made by `MemoryStack.new_peer`. The ends may be on two event loops."""

    def __init__(self, stack: MemoryStack, settings: PeerSettings) -> None:
        self._stack = stack
        self._settings = settings
        self._shared = SharedState()
        self._number = 0
        self._other: MemoryPeer | None = None
        self._open = False
        self._gone = False
        """Whether this end has vanished."""
        self._ended: ConnectionClosed | None = None
        self._unread: deque[str] = deque()
        self._unread_bytes = 0
        self._heard: deque[bytes] = deque(maxlen=_MAX_HEARD)
        self._n_heard = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def max_message_bytes(self) -> int:
        """The longest message that the other end takes."""
        return self._stack.max_message_bytes

    async def answer(self, offer: str, /) -> str:
        """Take an offer of the same stack, which can be answered once. Raises InvalidOffer, NoPortsLeft."""
        self._stack.take_port(self)
        try:
            offerer = self._stack.offerer(offer)
        except InvalidOffer:
            self._stack.give_port_back(self)
            raise
        self._number, self._shared = offerer._number, offerer._shared
        self._other, offerer._other = offerer, self
        return self._describe("answer")

    async def offer(self) -> str:
        """An offer for the other peers of this stack. Raises NoPortsLeft."""
        self._stack.take_port(self)
        self._number = self._stack.add_offer(self)
        return self._describe("offer")

    async def connect(self, answer: str, /) -> None:
        """Take the answer. Raises InvalidOffer: it is none, or belongs to another offer."""
        if self._other is None or _number_in(answer) != self._number:
            raise InvalidOffer("this is no answer to the offer of this peer")
        with self._shared.lock:
            self._open = self._other._open = True
            self._shared.changed()

    async def send(self, message: str, /) -> None:
        """Send a message; waits until the call is connected, and while the other end reads too little.

        Raises:
            ConnectionClosed: the call is over.
            MessageTooLong: the message was not sent.
        """
        if (size := len(message.encode())) > self.max_message_bytes:
            raise MessageTooLong(size, max_bytes=self.max_message_bytes)
        await self._when(lambda: self._hand_over(message, size))

    async def receive(self) -> str | bytes:
        """The next message; what came before the end is still returned. Raises ConnectionClosed."""
        taken: list[str] = []
        await self._when(lambda: self._take_message(taken))
        return taken[0]

    async def hear(self) -> bytes:
        """The next frame that the other end has played. Raises ConnectionClosed."""
        taken: list[bytes] = []
        await self._when(lambda: self._take_frame(taken))
        return taken[0]

    def play(self, frame: bytes, /) -> None:
        """Let the other end hear a frame."""
        with self._shared.lock:
            other = self._other
            if other is not None and self._reaches(other):
                other._heard.append(frame)
                other._n_heard += 1
                self._shared.changed()

    async def close(self) -> None:
        """Close both ends."""
        self._stack.give_port_back(self)
        with self._shared.lock:
            self._end(ConnectionClosedOK(1000))
            if self._other is not None and not self._gone:
                self._other._end(ConnectionClosedOK(1000))
            self._shared.changed()

    async def figures(self) -> PeerFigures:
        """Nothing is ever lost here."""
        return PeerFigures(round_trip_ms=0.0, lost_packets=0, received_packets=self._n_heard, concealed_samples=0)

    def vanish(self) -> None:
        """Be gone without a word, as a killed browser: the other end notices after its `silent_s`, by code 1006."""
        self._stack.give_port_back(self)
        with self._shared.lock:
            self._gone = True
            self._end(ConnectionClosedError(1006))
            self._shared.changed()
            other = self._other
        if other is None:
            return
        here, loop = asyncio.get_running_loop(), other._loop
        if loop is None or loop is here:
            here.call_later(other._settings.silent_s, other._lose)
        else:
            loop.call_soon_threadsafe(loop.call_later, other._settings.silent_s, other._lose)

    # --- with the lock held

    def _hand_over(self, message: str, size: int) -> bool:
        self._check()
        other = self._other
        if not self._open or other is None or other._unread_bytes > self._settings.backlog_bytes:
            return False
        other._unread.append(message)
        other._unread_bytes += size
        self._shared.changed()
        return True

    def _take_message(self, taken: list[str]) -> bool:
        if self._unread and not self._gone:
            message = self._unread.popleft()
            self._unread_bytes -= len(message.encode())
            taken.append(message)
            self._shared.changed()
            return True
        self._check()
        return False

    def _take_frame(self, taken: list[bytes]) -> bool:
        self._check()
        if self._heard:
            taken.append(self._heard.popleft())
        return bool(taken)

    def _check(self) -> None:
        if self._ended is not None:
            # Another exception each time: a traceback would hold the frames of the task that got the first one.
            raise type(self._ended)(self._ended.code)

    def _end(self, how: ConnectionClosed) -> None:
        self._ended = self._ended or how

    def _reaches(self, other: MemoryPeer) -> bool:
        return self._open and self._ended is None and not other._gone

    # --- the rest

    def _lose(self) -> None:
        with self._shared.lock:
            self._end(ConnectionClosedError(1006))
            self._shared.changed()

    def _describe(self, role: str) -> str:
        return _DESCRIPTION.format(number=self._number, role=role, max_message_bytes=self.max_message_bytes)

    async def _when(self, act: Callable[[], bool]) -> None:
        self._loop = loop = asyncio.get_running_loop()
        while True:
            woken: asyncio.Future[None] = loop.create_future()
            wake = partial(_wake, loop, woken)
            if self._shared.attempt(act, wake):
                return
            try:
                await woken
            finally:
                self._shared.forget(wake)


class MemoryStack:
    """Makes peers that can be connected with each other. Only one thread at a time may make and describe them."""

    def __init__(self, *, max_message_bytes: int = _CHROMIUM_MESSAGE_BYTES, n_ports: int | None = None) -> None:
        """`max_message_bytes` is what either end takes; at most `n_ports` peers hold a port at a time."""
        self.max_message_bytes = max_message_bytes
        self._n_ports = n_ports
        self._with_port: set[MemoryPeer] = set()
        self._offers: dict[int, MemoryPeer] = {}
        self._n_offers = 0

    @property
    def name(self) -> str:
        """Its name, where a package has one."""
        return "memory"

    @property
    def n_open(self) -> int:
        """Peers that hold a port: they have offered or answered, and are not closed."""
        return len(self._with_port)

    def new_peer(self, settings: PeerSettings, /) -> MemoryPeer:
        """A peer for one call. Of the settings `backlog_bytes` and `silent_s` matter."""
        return MemoryPeer(self, settings)

    def take_port(self, peer: MemoryPeer) -> None:
        """Raises NoPortsLeft."""
        if self._n_ports is not None and len(self._with_port) >= self._n_ports:
            raise NoPortsLeft(f"all {self._n_ports} ports are taken")
        self._with_port.add(peer)

    def give_port_back(self, peer: MemoryPeer) -> None:
        """The peer is closed: its port can be taken, and its offer not answered any more."""
        self._with_port.discard(peer)
        if self._offers.get(peer._number) is peer:
            del self._offers[peer._number]

    def add_offer(self, peer: MemoryPeer) -> int:
        """The number of a new offer."""
        self._n_offers += 1
        self._offers[self._n_offers] = peer
        return self._n_offers

    def offerer(self, offer: str) -> MemoryPeer:
        """The peer that made an offer. Raises InvalidOffer."""
        number = _number_in(offer)
        if number is None:
            raise InvalidOffer("this is no session description")
        if (peer := self._offers.pop(number, None)) is None:
            raise InvalidOffer("no peer of this stack waits for an answer to this offer")
        return peer


async def memory_peers(
    *, settings: PeerSettings | None = None, max_message_bytes: int = _CHROMIUM_MESSAGE_BYTES
) -> tuple[MemoryPeer, MemoryPeer]:
    """A client's and a server's peer, connected. The settings are those of both."""
    stack, settings = MemoryStack(max_message_bytes=max_message_bytes), settings or PeerSettings()
    client, server = stack.new_peer(settings), stack.new_peer(settings)
    await client.connect(await server.answer(await client.offer()))
    return client, server


def _number_in(description: str) -> int | None:
    found = _NUMBER.search(description)
    return int(found[1]) if found else None


def _wake(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with suppress(RuntimeError):  # the loop that waited is closed
        loop.call_soon_threadsafe(_resolve, woken)


def _resolve(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
