"""A peer on `wrtc`, Google's libwebrtc: everything but the rules of the seam is in native code."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from duologue.audio.extras import needs
from duologue.printable import printable
from duologue.transports.webrtc.inbox import Inbox
from duologue.transports.webrtc.peer import (
    CHANNEL_LABEL,
    InvalidOffer,
    MessageTooLong,
    PeerFigures,
    PeerSettings,
)
from duologue.transports.webrtc.sdp import (
    checked_answer,
    checked_offer,
    max_message_bytes,
    public_sdp,
    redundancy_first,
    with_retransmission,
)
from duologue.transports.webrtc.wrtc_sound import WrtcSound

if TYPE_CHECKING:
    import webrtc

__all__ = ["WrtcPeer", "WrtcStack"]

_MAX_SENT_BYTES: Final = 262_144
"""libwebrtc sends no longer message, whatever the other end takes."""

_GATHERING_S: Final = 5
"""Host candidates are there within milliseconds; a machine without a network is to be told so."""

_FLUSH_S: Final = 3
"""How long the last messages may take when a call is closed; with what follows it stays below five seconds."""

_FIGURES_S: Final = 0.5
"""libwebrtc counts in another thread, within a millisecond."""

_DISCONNECTED_S: Final = 5
"""So long nothing has come from the other end when libwebrtc calls it disconnected."""

_GONE: Final = "the other end is gone"


class WrtcStack:
    """The package `wrtc`."""

    name = "wrtc"

    def __init__(self) -> None:
        """Raises MissingExtra: it is not installed."""
        with needs("webrtc"):
            import webrtc
        if not _has_network():
            # Once a connection was made it is too late.
            with suppress(webrtc.InvalidStateError):
                webrtc.allow_loopback()

    def new_peer(self, settings: PeerSettings, /) -> WrtcPeer:
        """A peer for one call, on the running event loop."""
        return WrtcPeer(settings)


class WrtcPeer:
    """One end of one call; see `Peer`."""

    def __init__(self, settings: PeerSettings) -> None:
        import webrtc

        self._settings = settings
        self._inbox = Inbox(self._on_end)
        self._opened = asyncio.Event()  # these two are set at the end of the call too
        self._room = asyncio.Event()
        self._room.set()
        self._closed_channel = asyncio.Event()
        self._max_message_bytes = 0
        self._channel: webrtc.RTCDataChannel | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._last_figures = PeerFigures()
        self._closing: asyncio.Future[None] | None = None
        self._connection = webrtc.RTCPeerConnection(webrtc.RTCConfiguration(port_range=settings.udp_ports))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("datachannel", self._on_channel)
        self._connection.on("track", self._on_track)
        self._sound = WrtcSound(self._connection)

    @property
    def max_message_bytes(self) -> int:
        """The longest message that the other end takes; known once its description is read."""
        return self._max_message_bytes

    async def answer(self, offer: str, /) -> str:
        """The SDP answer to an offer, with all candidates of this end. Raises InvalidOffer, NoPortsLeft."""
        await self._read_description("offer", with_retransmission(redundancy_first(checked_offer(offer))))
        try:
            self._decline_others()
            await self._connection.set_local_description(await self._connection.create_answer())
        except _refusals() as fault:
            raise InvalidOffer(_reason(fault)) from fault
        return with_retransmission(await self._own_description())

    async def offer(self) -> str:
        """An SDP offer of audio both ways and a data channel, with all candidates of this end."""
        self._adopt(self._connection.create_data_channel(CHANNEL_LABEL))
        await self._connection.set_local_description(await self._connection.create_offer())
        return await self._own_description()

    async def connect(self, answer: str, /) -> None:
        """Take the answer to the own offer. Raises InvalidOffer."""
        await self._read_description("answer", checked_answer(answer))

    async def send(self, message: str, /) -> None:
        """Send a message; waits until the channel is open, and while more than `backlog_bytes` wait."""
        if not self._max_message_bytes:
            await self._opened.wait()
        self._inbox.check()
        size = len(message) if message.isascii() else len(message.encode(errors="replace"))
        if size > self._max_message_bytes:
            raise MessageTooLong(size, max_bytes=self._max_message_bytes)
        await self._opened.wait()
        self._inbox.check()
        channel = self._channel
        assert channel is not None
        while channel.buffered_amount > self._settings.backlog_bytes:
            self._room.clear()
            await self._room.wait()
            self._inbox.check()
        try:
            channel.send(message)
        except _refusals():
            # The channel began to close, and its event is still on the way.
            self._inbox.end(1000, "the channel is closed")
            self._inbox.check()

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        return await self._inbox.take()

    async def hear(self) -> bytes:
        """The next 20 ms of the other end's sound, or several. Cancelling loses nothing."""
        return await self._sound.hear(self._inbox.check)

    def play(self, frame: bytes, /) -> None:
        """Send 20 ms of sound now."""
        if not self._inbox.ended:
            self._sound.play(frame)

    async def close(self) -> None:
        """Close the channel and the call. Returns within 5 seconds."""
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        try:
            if not self._inbox.ended:
                await self._flush()
            self._last_figures = await self.figures()
        finally:
            self._inbox.end(1000)
            self._shut()
            self._closing.set_result(None)

    async def figures(self) -> PeerFigures:
        """What was measured until now; behind the end, until then."""
        import webrtc

        if self._closing is not None and self._closing.done():
            return self._last_figures
        try:
            async with asyncio.timeout(_FIGURES_S):
                report = await self._connection.get_stats()
        except (webrtc.InvalidStateError, TimeoutError):
            return self._last_figures
        return _figures(report)

    # --- descriptions

    async def _read_description(self, kind: Literal["offer", "answer"], text: str) -> None:
        import webrtc

        try:
            await self._connection.set_remote_description(webrtc.RTCSessionDescriptionInit(type=kind, sdp=text))
        except _refusals() as fault:
            raise InvalidOffer(_reason(fault)) from fault
        self._max_message_bytes = min(max_message_bytes(text), _MAX_SENT_BYTES)

    def _decline_others(self) -> None:
        """Of an offer's sections for media, take the first with sound only."""
        ours, *others = sorted(self._connection.get_transceivers(), key=lambda one: one.sender.track is None)
        if ours.mid is None:
            raise InvalidOffer("Invalid SDP offer: its audio section cannot be answered.")
        for other in others:
            other.direction = "inactive"

    async def _own_description(self) -> str:
        complete = asyncio.Event()
        self._connection.on("icegatheringstatechange", lambda _: complete.set())
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHERING_S):
                while self._connection.ice_gathering_state != "complete":
                    complete.clear()
                    await complete.wait()
        self._connection.off("icegatheringstatechange")
        description = self._connection.local_description
        assert description is not None
        return public_sdp(description.sdp, public_address=self._settings.public_address)

    # --- what the stack tells

    def _on_channel(self, event: webrtc.RTCDataChannelEvent) -> None:
        if self._channel is None and event.channel.label == CHANNEL_LABEL:
            self._adopt(event.channel)

    def _adopt(self, channel: webrtc.RTCDataChannel) -> None:
        self._channel = channel
        channel.buffered_amount_low_threshold = self._settings.backlog_bytes
        channel.on("open", lambda _: self._opened.set())
        channel.on("message", self._on_message)
        channel.on("bufferedamountlow", lambda _: self._room.set())
        channel.on("close", self._on_channel_closed)
        if channel.ready_state == "open":
            self._opened.set()

    def _on_message(self, event: webrtc.MessageEvent) -> None:
        if isinstance(event.data, str | bytes):
            self._inbox.put(event.data)

    def _on_channel_closed(self, _: webrtc.Event) -> None:
        self._closed_channel.set()
        self._inbox.end(1000, "the other end closed the channel")

    def _on_track(self, event: webrtc.RTCTrackEvent) -> None:
        self._sound.listen(event.track)

    def _on_state(self, _: webrtc.Event) -> None:
        state = self._connection.connection_state
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if state == "failed":
            self._inbox.end(1006, _GONE)
        elif state == "disconnected":
            left_s = max(0.0, self._settings.silent_s - _DISCONNECTED_S)
            self._silence = asyncio.get_running_loop().call_later(left_s, self._inbox.end, 1006, _GONE)

    # --- the end

    def _on_end(self) -> None:
        self._opened.set()
        self._room.set()
        self._sound.stop()
        if self._silence is not None:
            self._silence.cancel()

    async def _flush(self) -> None:
        """Have the channel send what waits in it, and tell the other end."""
        channel = self._channel
        if channel is None or channel.ready_state != "open":
            return
        channel.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await self._closed_channel.wait()

    def _shut(self) -> None:
        """Close natively, and cut the ties between its objects and this one, so that neither keeps the other."""
        self._connection.close()
        for target in (self._connection, self._channel):
            if target is not None:
                target.off()


def _refusals() -> tuple[type[Exception], ...]:
    """What the stack raises for descriptions and messages that it does not take."""
    import webrtc

    return (webrtc.RTCException, ValueError, TypeError)


def _reason(fault: Exception) -> str:
    return f"Invalid SDP: {printable(str(fault), max_characters=200)}"


def _has_network() -> bool:
    """Whether any address but loopback can be reached from here. Sends nothing."""
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return True
    return False


def _figures(report: webrtc.RTCStatsReport) -> PeerFigures:
    import webrtc

    round_trip_ms: float | None = None
    received = lost = concealed = None
    for stats in report.values():
        if isinstance(stats, webrtc.RTCInboundRtpStreamStats) and stats.kind == "audio":
            received, lost, concealed = stats.packets_received, stats.packets_lost, stats.concealed_samples
        elif isinstance(stats, webrtc.RTCIceCandidatePairStats) and stats.nominated:
            seconds = stats.current_round_trip_time
            round_trip_ms = None if seconds is None else seconds * 1000
    return PeerFigures(
        round_trip_ms=round_trip_ms, lost_packets=lost, received_packets=received, concealed_samples=concealed
    )
