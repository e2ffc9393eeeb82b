"""The seam to a WebRTC stack: one end of one call, as eight verbs."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

__all__ = [
    "CHANNEL_LABEL",
    "FRAME_BYTES",
    "FRAME_MS",
    "RATE_HZ",
    "InvalidOffer",
    "MessageTooLong",
    "NoPortsLeft",
    "Peer",
    "PeerFigures",
    "PeerSettings",
    "Stack",
]

RATE_HZ: Final = 24_000
"""Of the sound at the seam: mono, signed 16 bits, little-endian. The native rate of realtime models."""

FRAME_MS: Final = 20

FRAME_BYTES: Final = RATE_HZ * FRAME_MS // 1000 * 2

CHANNEL_LABEL: Final = "oai-events"
"""Of the data channel that carries events. The side that offers makes it; channels with other labels are ignored."""


class InvalidOffer(Exception):
    """The session description cannot be used; the message says why, and may be shown to the other end."""


class NoPortsLeft(Exception):
    """All UDP ports of the range are taken by other calls."""


class MessageTooLong(Exception):
    """The other end takes no message of this length on its data channel."""

    def __init__(self, n_bytes: int, *, max_bytes: int) -> None:
        super().__init__(f"a message of {n_bytes} bytes; the other end takes {max_bytes}")
        self.n_bytes = n_bytes
        self.max_bytes = max_bytes


class PeerSettings(Struct, frozen=True, kw_only=True):
    """How peers reach the network. None of them ever asks a STUN server or any other third party."""

    udp_ports: tuple[int, int] | None = None
    """The first and the last port that peers may use; None: any that the system gives."""
    public_address: str | None = None
    """The address that stands in the answer in place of the machine's own: behind NAT, or in a container."""
    backlog_bytes: int = 1 << 20
    """How much may wait in the data channel before `send` waits."""
    silent_s: float = 10.0
    """When nothing has come from the other end for so long, neither sound nor answers to ICE checks, it is gone. Sound
    alone would not tell: pages and small devices that are muted may send none."""


class PeerFigures(Struct, frozen=True, kw_only=True):
    """What the stack measured of a call; None where it cannot tell."""

    round_trip_ms: float | None = None
    lost_packets: int | None = None
    received_packets: int | None = None
    concealed_samples: int | None = None
    """Invented by the jitter buffer for packets that were lost or late, at 48 kHz."""


class Peer(Protocol):
    """One end of one call. It either answers an offer, or offers and connects; never both.

    One task may `send`, one may `receive` and one may `hear` at the same time.
    """

    @property
    def max_message_bytes(self) -> int:
        """The longest message that the other end takes on its data channel; known once the offer or answer is read."""
        ...

    async def answer(self, offer: str, /) -> str:
        """The SDP answer to an offer, with all candidates of this end.

        Raises:
            InvalidOffer: the offer is no SDP, or has no Opus audio.
            NoPortsLeft: all ports of the range are taken.
        """
        ...

    async def offer(self) -> str:
        """An SDP offer of audio both ways and a data channel, with all candidates of this end."""
        ...

    async def connect(self, answer: str, /) -> None:
        """Take the answer to the own offer. Raises InvalidOffer: it is none."""
        ...

    async def send(self, message: str, /) -> None:
        """Send a message on the data channel; waits until it is open, and while more than `backlog_bytes` wait.

        Raises:
            ConnectionClosed: the call is over.
            MessageTooLong: the other end does not take messages of this length; nothing was sent.
        """
        ...

    async def receive(self) -> str | bytes:
        """The next message of the data channel. Cancelling loses nothing.

        Raises:
            ConnectionClosed: the channel or the call is closed (1000), or the other end is gone (1006).
        """
        ...

    async def hear(self) -> bytes:
        """The next `FRAME_MS` of the other end's sound, or several of them that have come together.

        Lost packets are concealed, so that none are missing. Cancelling loses nothing.

        Raises:
            ConnectionClosed: the call is over.
        """
        ...

    def play(self, frame: bytes, /) -> None:
        """Send `FRAME_MS` of sound now. The caller paces; never waits, and does nothing when the call is over."""
        ...

    async def close(self) -> None:
        """Close the channel and the call. Closing twice is fine. Returns within 5 seconds."""
        ...

    async def figures(self) -> PeerFigures:
        """What was measured until now."""
        ...


class Stack(Protocol):
    """A WebRTC implementation."""

    @property
    def name(self) -> str:
        """The name of its package."""
        ...

    def new_peer(self, settings: PeerSettings, /) -> Peer:
        """A peer for one call, on the running event loop."""
        ...
