"""A WebRTC call as the suite sees it: the data channel's messages as they come, and sound on a track.

Unlike `duologue.transports.webrtc.client_call`, nothing is put in order or added: a server's faults stay visible.
"""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from typing import Final

from duologue.clock import loop_time
from duologue.codec.jsontext import parse_object
from duologue.errors import ConnectionClosed, ConnectionClosedError, DecodeError
from duologue.events.base64_text import decode_base64
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, MessageTooLong, Peer

__all__ = ["RawCall"]

_APPEND: Final = "input_audio_buffer.append"
_ABOUT_AUDIO: Final = frozenset({"input_audio_buffer.commit", "input_audio_buffer.clear"})
"""Commands about the sound before them, which takes another way than they do."""

_ARRIVAL_S: Final = 0.3
"""What sound may be behind: jitter buffers hold 60 to 150 ms, and a round trip takes up to 200."""

_MAX_WAITING_BYTES: Final = 20 * FRAME_BYTES
"""Of sound: a sender that is further ahead waits, so that what it sends next is in time."""

_AUDIBLE: Final = 300
"""Of 32,768: the noise of codecs is below it, speech far above."""

_MESSAGE_TOO_BIG: Final = 1009  # RFC 6455, section 7.4.1


class RawCall:
    """A connected peer as a transport. Appended audio is played, as a microphone would; all else goes to the channel.

    Silence is played while nothing was appended, as browsers do. Made on a running event loop.
    """

    def __init__(self, peer: Peer, *, call_id: str | None, url: str | None) -> None:
        self.call_id = call_id
        """The last part of the path in `Location`; None: it named none."""
        self.url = url
        """The URL of the call, where it is controlled."""
        self.heard_ms: int = 0
        """How much sound has come from the server that is not silent."""
        self._peer = peer
        self._waiting = bytearray()
        self._silent, self._room = asyncio.Event(), asyncio.Event()
        self._silent.set()
        self._hearing = asyncio.ensure_future(self._hear())  # noqa: TID251 - ended and awaited in `close`
        self._playing = asyncio.ensure_future(self._play())  # noqa: TID251 - ended and awaited in `close`

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message. Raises ConnectionClosed: the call is over, or its other end takes no such message."""
        text = message if isinstance(message, str) else message.decode("utf-8", "replace")
        type, pcm = _read(text)
        if pcm is not None:
            await self._append(pcm)
            return
        if type in _ABOUT_AUDIO:
            await self._silent.wait()
            await asyncio.sleep(_ARRIVAL_S)
        try:
            await self._peer.send(text)
        except MessageTooLong as fault:
            raise ConnectionClosedError(_MESSAGE_TOO_BIG, str(fault)) from None

    async def receive(self) -> str | bytes:
        """The next message of the channel. Cancelling loses nothing."""
        return await self._peer.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up, as a page does that closes its connection."""
        try:
            await self._peer.close()
        finally:
            for task in (self._hearing, self._playing):
                task.cancel()
            await asyncio.gather(self._hearing, self._playing, return_exceptions=True)

    async def _append(self, pcm: bytes) -> None:
        while len(self._waiting) > _MAX_WAITING_BYTES and not self._playing.done():
            self._room.clear()
            await self._room.wait()
        if not self._playing.done():
            self._waiting += pcm
            self._silent.clear()

    async def _play(self) -> None:
        due_at = loop_time()
        try:
            while not self._hearing.done():  # until the call is over
                frame = bytes(self._waiting[:FRAME_BYTES])
                del self._waiting[:FRAME_BYTES]
                self._peer.play(frame.ljust(FRAME_BYTES, b"\0"))
                self._room.set()
                if not self._waiting:
                    self._silent.set()
                due_at = max(due_at + FRAME_MS / 1000, loop_time() - 1)  # behind by more: this machine stood still
                await asyncio.sleep(due_at - loop_time())
        finally:
            self._room.set()
            self._silent.set()

    async def _hear(self) -> None:
        with suppress(ConnectionClosed):  # the reader of the messages is told
            while True:
                samples = array("h", await self._peer.hear())
                if samples and max(max(samples), -min(samples)) >= _AUDIBLE:
                    self.heard_ms += FRAME_MS * 2 * len(samples) // FRAME_BYTES


def _read(text: str) -> tuple[str, bytes | None]:
    """The type of an event, and the samples of an append that has some: anything else is sent as it is."""
    try:
        event = parse_object(text)
    except DecodeError:
        return "", None
    type, audio = event.get("type"), event.get("audio")
    if type != _APPEND or not isinstance(audio, str):
        return str(type), None
    try:
        pcm = decode_base64(audio)
    except ValueError:
        return _APPEND, None
    return _APPEND, pcm if pcm and len(pcm) % 2 == 0 else None
