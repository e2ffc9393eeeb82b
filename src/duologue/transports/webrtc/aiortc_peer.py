"""A peer on `aiortc`, WebRTC in Python: where `wrtc` has no wheel, and as a second opinion in tests."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final, Literal

import aiortc
from aiortc import MediaStreamError
from av import AudioFrame

from duologue.errors import LocalProtocolError
from duologue.printable import printable
from duologue.transports.webrtc.aiortc_voice import AiortcVoice
from duologue.transports.webrtc.heard import HeardFrames
from duologue.transports.webrtc.inbox import Inbox
from duologue.transports.webrtc.peer import (
    CHANNEL_LABEL,
    FRAME_MS,
    InvalidOffer,
    MessageTooLong,
    PeerFigures,
    PeerSettings,
)
from duologue.transports.webrtc.sdp import checked_answer, checked_offer, max_message_bytes, public_sdp

__all__ = ["AiortcPeer", "AiortcStack"]

_logger: Final = logging.getLogger(__name__)

_CLOSE_S: Final = 2
"""For the channel, and again for the connection: a live peer answers within a round trip."""

_LOOK_S: Final = 1.0
"""How often the count of received packets is looked at."""

_MAX_GAP_SAMPLES: Final = 48_000
"""Of missing sound that is filled with silence: a second. Behind more, the other end has begun anew."""

_SOUND_RATE_HZ: Final = 48_000
"""Of what aiortc decodes."""

_PATIENCE_S: Final = 0.4
"""How long sound may take before it counts as silence: behind a lost packet, aiortc waits until 16 are there."""

_GONE: Final = "the other end is gone"


class AiortcStack:
    """The package `aiortc`."""

    name = "aiortc"

    def new_peer(self, settings: PeerSettings, /) -> AiortcPeer:
        """A peer for one call, on the running event loop.

        Raises:
            LocalProtocolError: a range of ports is asked for.
        """
        if settings.udp_ports is not None:
            raise LocalProtocolError("aiortc takes any UDP port; a range of ports needs the stack 'wrtc'")
        return AiortcPeer(settings)


class AiortcPeer:
    """One end of one call; see `Peer`. Sound that is lost, or not sent, is heard as silence of the same length."""

    def __init__(self, settings: PeerSettings) -> None:
        self._settings = settings
        self._inbox = Inbox(self._on_end)
        self._opened = asyncio.Event()  # these three are set at the end of the call too
        self._heard = asyncio.Event()
        self._room = asyncio.Event()
        self._closed_channel = asyncio.Event()
        self._max_message_bytes = 0
        self._channel: aiortc.RTCDataChannel | None = None
        self._track: aiortc.MediaStreamTrack | None = None
        self._frames = HeardFrames()
        self._next_pts: int | None = None
        self._patience_s = _PATIENCE_S
        self._watching: asyncio.Task[None] | None = None
        self._closing: asyncio.Future[None] | None = None
        self._last_figures = PeerFigures()
        # Without the empty list it asks Google's STUN server.
        self._connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("datachannel", self._on_channel)
        self._connection.on("track", self._on_track)
        self._voice = AiortcVoice()
        self._connection.addTrack(self._voice)

    @property
    def max_message_bytes(self) -> int:
        """The longest message that the other end takes; known once its description is read."""
        return self._max_message_bytes

    async def answer(self, offer: str, /) -> str:
        """The SDP answer to an offer, with all candidates of this end. Raises InvalidOffer, NoPortsLeft."""
        await self._read_description("offer", checked_offer(offer))
        for transceiver in self._connection.getTransceivers():
            if transceiver.sender.track is not self._voice:
                transceiver.direction = "inactive"
        return await self._own_description()

    async def offer(self) -> str:
        """An SDP offer of audio both ways and a data channel, with all candidates of this end."""
        self._adopt(self._connection.createDataChannel(CHANNEL_LABEL))
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
        while channel.bufferedAmount > self._settings.backlog_bytes:
            self._room.clear()
            await self._room.wait()
            self._inbox.check()
        try:
            channel.send(message)
        except (aiortc.InvalidStateError, ValueError):
            self._inbox.end(1000, "the channel is closed")
            self._inbox.check()

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        return await self._inbox.take()

    async def hear(self) -> bytes:
        """The next 20 ms of the other end's sound, or several. Cancelling loses nothing."""
        await self._heard.wait()
        while not (frames := self._frames.take()):
            self._inbox.check()
            await self._read_sound()
        return frames

    def play(self, frame: bytes, /) -> None:
        """Send 20 ms of sound now."""
        if not self._inbox.ended:
            self._voice.write(frame)

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
            await self._shut()
            self._closing.set_result(None)

    async def figures(self) -> PeerFigures:
        """What was measured until now; behind the end, until then."""
        if self._closing is not None and self._closing.done():
            return self._last_figures
        received = lost = round_trip_ms = None
        for stats in await self._stats():
            if isinstance(stats, aiortc.RTCInboundRtpStreamStats) and stats.kind == "audio":
                received, lost = stats.packetsReceived, stats.packetsLost
            elif isinstance(stats, aiortc.RTCRemoteInboundRtpStreamStats) and stats.roundTripTime is not None:
                round_trip_ms = stats.roundTripTime * 1000
        return PeerFigures(round_trip_ms=round_trip_ms, lost_packets=lost, received_packets=received)

    # --- descriptions

    async def _read_description(self, kind: Literal["offer", "answer"], text: str) -> None:
        try:
            await self._connection.setRemoteDescription(aiortc.RTCSessionDescription(sdp=text, type=kind))
        except asyncio.CancelledError:
            raise
        except Exception as fault:  # its parser raises whatever a wrong line leads to
            raise InvalidOffer(f"Invalid SDP: {printable(str(fault), max_characters=200)}") from fault
        self._max_message_bytes = max_message_bytes(text)

    async def _own_description(self) -> str:
        try:
            await self._connection.setLocalDescription()
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            raise InvalidOffer(f"Invalid SDP: {printable(str(fault), max_characters=200)}") from fault
        sdp = self._connection.localDescription.sdp
        return public_sdp(sdp, public_address=self._settings.public_address)

    # --- what the stack tells

    def _on_channel(self, channel: aiortc.RTCDataChannel) -> None:
        if self._channel is None and channel.label == CHANNEL_LABEL:
            self._adopt(channel)

    def _adopt(self, channel: aiortc.RTCDataChannel) -> None:
        self._channel = channel
        channel.bufferedAmountLowThreshold = self._settings.backlog_bytes
        channel.on("open", self._opened.set)
        channel.on("message", self._inbox.put)
        channel.on("bufferedamountlow", self._room.set)
        channel.on("close", self._on_channel_closed)
        if channel.readyState == "open":
            self._opened.set()

    def _on_channel_closed(self) -> None:
        self._closed_channel.set()
        self._inbox.end(1000, "the other end closed the channel")

    def _on_track(self, track: aiortc.MediaStreamTrack) -> None:
        if self._track is None and track.kind == "audio":
            self._track = track
            self._heard.set()

    def _on_state(self) -> None:
        match self._connection.connectionState:
            case "connected" if self._watching is None:
                self._watching = asyncio.ensure_future(self._watch())  # noqa: TID251 - `close` ends it
            case "failed":
                self._inbox.end(1006, _GONE)
            case "closed":
                self._inbox.end(1000, "the other end closed the call")
            case _:
                pass

    async def _watch(self) -> None:
        """End the call when nothing comes any more. The stack itself would notice after 25 to 36 seconds."""
        received, silent_s = -1, 0.0
        while silent_s < self._settings.silent_s:
            now_received = sum(
                stats.packetsReceived for stats in await self._stats() if isinstance(stats, aiortc.RTCTransportStats)
            )
            silent_s = silent_s + _LOOK_S if now_received == received else 0.0
            received = now_received
            await asyncio.sleep(_LOOK_S)
        self._inbox.end(1006, _GONE)

    async def _stats(self) -> list[Any]:
        try:
            return list((await self._connection.getStats()).values())
        except AttributeError:  # the description left a section without a transport
            return []

    # --- sound

    async def _read_sound(self) -> None:
        assert self._track is not None
        try:
            async with asyncio.timeout(self._patience_s):
                sound = await self._track.recv()
        except TimeoutError:
            self._be_silent()
            return
        except MediaStreamError:
            self._inbox.end(1000, "the other end stopped its sound")
            return
        if not isinstance(sound, AudioFrame):
            return
        self._patience_s = _PATIENCE_S
        channels = sound.layout.nb_channels
        self._fill(sound.pts or 0, channels)
        self._next_pts = (sound.pts or 0) + sound.samples
        pcm16 = bytes(sound.planes[0])[: sound.samples * channels * 2]
        self._frames.push(pcm16, rate_hz=sound.sample_rate, channels=channels)

    def _fill(self, pts: int, channels: int) -> None:
        """Silence in place of packets that were lost: what is said behind them must not come early."""
        missing = 0 if self._next_pts is None else pts - self._next_pts
        if 0 < missing <= _MAX_GAP_SAMPLES:
            self._frames.push(bytes(missing * channels * 2), rate_hz=_SOUND_RATE_HZ, channels=channels)

    def _be_silent(self) -> None:
        """A frame of silence; the next comes after as long as it lasts, until there is sound again."""
        samples = _SOUND_RATE_HZ * FRAME_MS // 1000
        self._frames.push(bytes(samples * 2), rate_hz=_SOUND_RATE_HZ, channels=1)
        self._patience_s = FRAME_MS / 1000
        if self._next_pts is not None:
            self._next_pts += samples

    # --- the end

    def _on_end(self) -> None:
        for event in (self._opened, self._heard, self._room):
            event.set()
        queue: asyncio.Queue[object] | None = getattr(self._track, "_queue", None)
        if queue is not None:
            queue.put_nowait(None)  # what its own `stop` puts there, once the decoder's thread has ended

    async def _flush(self) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                while channel.bufferedAmount:
                    self._room.clear()
                    channel.bufferedAmountLowThreshold = 0
                    await self._room.wait()
                channel.close()
                await self._closed_channel.wait()

    async def _shut(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.close()
        except (TimeoutError, AttributeError) as fault:  # the latter as in _stats
            _logger.warning("a peer of aiortc was not closed in order: %s", printable(type(fault).__name__))
        self._voice.stop()
        self._track = None
