"""Both ends of the calls of `telephone.py`, in one process, so that one clock says when a sound came in and went out.

Sounds carry the time at which they were sent. A `Leg` is a carrier of Twilio's protocol: it sends 20 ms of the caller
every 20 ms, plays what it gets at the speed of sound, and returns marks when they are played. An `Upstream` is the
server's end of a conversation: it plays what a `RealtimeApp` has sent once (`record_script`), by the position in the
caller's audio: turns, and answers that are spoken four times as fast as they are played and interrupted by the next.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import re
import struct
import time
from collections.abc import Iterator
from typing import Any, Final, cast

from msgspec import Struct
from websockets.speedups import apply_mask  # the C code that the library itself uses

from duologue.audio.formats import PCMU
from duologue.load.wire import LoadSocket, SocketPlace, client_frame
from duologue.server import RealtimeApp
from duologue.telephony import CallStarted, LegEvent, LegStatus, Played, Twilio
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.testing.sounds import silence, tone

__all__ = ["FRAME_MS", "TURN_MS", "Leg", "Measured", "Script", "Upstream", "record_script"]

FRAME_MS: Final = 20
_FRAME_BYTES: Final = PCMU.bytes_for_ms(FRAME_MS)

TURN_MS: Final = 4500
"""A turn: the caller speaks for 1.5 s, the model answers after 0.5 s more, and is interrupted after 2.6 s."""
_STARTED_MS: Final = 100
_STOPPED_MS: Final = 2000

_ANSWER_PIECES: Final = 30
_PIECE_MS: Final = 100
_PIECE_EVERY_S: Final = 0.025
"""Hosted models speak about four times as fast as their speech is played."""

_STAMP: Final = struct.Struct("<8sdI")
"""A mark that no sound of these calls has, when it was sent, and the number of the call."""
_MAGIC: Final = b"\x01\xfesentat"


class Measured:
    """Milliseconds that the bridge has added, since the last reset."""

    def __init__(self) -> None:
        self.interrupted: dict[int, float] = {}
        """When the server has said that a caller interrupts, by call."""
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self.caller: list[float] = []
        """From a frame of the carrier to its append."""
        self.answer: list[float] = []
        """From a piece of speech of the server to the carrier."""
        self.clear: list[float] = []
        """From `speech_started` to the `clear` for the carrier."""
        self.late: list[float] = []
        """By how much this process itself was late with the carrier's frames."""
        self.turns = 0
        self.truncated = 0
        self.errors = 0

    @property
    def added(self) -> list[float]:
        """All of the bridge's."""
        return sorted(self.caller + self.answer + self.clear)


def _stamped(sound: bytes, now: float, number: int) -> bytes:
    return base64.b64encode(_STAMP.pack(_MAGIC, now, number) + sound[_STAMP.size :])


def _stamps(sound: bytes) -> Iterator[tuple[float, int]]:
    """When each piece was sent, and of which call it is."""
    at = sound.find(_MAGIC)
    while at >= 0 and at + _STAMP.size <= len(sound):
        _, sent, number = _STAMP.unpack_from(sound, at)
        yield sent, number
        at = sound.find(_MAGIC, at + 1)


_SOUND: Final = PCMU.from_pcm16(tone(_PIECE_MS, rate_hz=PCMU.rate_hz))


# --- what the server says


class Script(Struct):
    """Frames that a server has sent, in order; each is used again and again, with ids of its own."""

    opening: list[bytes]
    updated: bytes
    started: list[bytes]
    stopped: list[bytes]
    """From the end of the caller's turn to the audio."""
    delta: bytes
    finished: list[bytes]


_IDS: Final = re.compile(rb'"((?:event|item|resp)_[\w-]{12,})"')
_AUDIO: Final = re.compile(rb'"delta":"[\w+/=]*"')


def _template(frame: bytes) -> bytes:
    return _IDS.sub(rb'"\1.\0"', frame)


async def record_script() -> Script:
    """One turn of a `RealtimeApp` with scripted engines, in memory."""
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=["That would be a pleasure, I think."])))
    g711: dict[str, Any] = {"format": {"type": "audio/pcmu"}}
    update = '{"type":"session.update","session":{"type":"realtime","audio":{"input":%s,"output":%s}}}'
    append = '{"type":"input_audio_buffer.append","audio":"%s"}'
    said = PCMU.from_pcm16(tone(500, rate_hz=PCMU.rate_hz) + silence(800, rate_hz=PCMU.rate_hz))
    frames: list[bytes] = []
    async with AppInMemory(app).transport() as transport:
        frames.append(_template(str(await transport.receive()).encode()))
        g711_text = str(g711).replace("'", '"')
        await transport.send(update % (g711_text, g711_text))
        await transport.send(append % base64.b64encode(said).decode())
        while not frames[-1].startswith(b'{"type":"response.done"'):
            async with asyncio.timeout(5):
                frames.append(_template(str(await transport.receive()).encode()))

    def place(kind: str) -> int:
        return next(n for n, frame in enumerate(frames) if frame.startswith(b'{"type":"%s"' % kind.encode()))

    update_at, started_at, stopped_at = map(
        place, ("session.updated", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
    )
    speech = [frame for frame in frames if frame.startswith(b'{"type":"response.output_audio.delta"')]
    rest = [frame for frame in frames[stopped_at:] if frame not in speech]
    finished_at = next(n for n, frame in enumerate(rest) if b'"response.output_audio.done"' in frame[:60])
    return Script(
        opening=frames[:update_at],
        updated=frames[update_at],
        started=frames[started_at:stopped_at],
        stopped=rest[:finished_at],
        delta=_AUDIO.sub(b'"delta":"\1"', speech[0]),
        finished=rest[finished_at:],
    )


# --- the server's end


class Upstream(asyncio.Protocol):
    """A conversation at the server: a WebSocket that understands what the bridge's client sends, and no more."""

    def __init__(self, script: Script, measured: Measured) -> None:
        self._script, self._measured = script, measured
        self._loop = asyncio.get_running_loop()
        self._data = bytearray()
        self._is_open = False
        self._number = -1
        """Of the call; its first audio tells it."""
        self._appended = PCMU.bytes_for_ms(random.randrange(_STOPPED_MS, TURN_MS, FRAME_MS))
        self._turn = self._n_said = 0
        self._last_ms = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The call is over."""
        if self._timer is not None:
            self._timer.cancel()

    def kill(self) -> None:
        """Break the connection, as a server that dies."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        now = time.monotonic()
        self._data += data
        if not self._is_open:
            self._shake_hands()
            return
        for message in self._messages():
            self._received(message, now)

    def _shake_hands(self) -> None:
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        key = next(line for line in bytes(head).split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.partition(b":")[2].strip() + guid, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._is_open, self._data = True, rest
        self._say(self._script.opening)

    def _messages(self) -> Iterator[bytes]:
        data, at = self._data, 0
        while len(data) - at >= 6:
            length, begin = data[at + 1] & 127, at + 2
            if length == 126:
                length, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
            elif length == 127:
                length, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
            if len(data) < (end := begin + 4 + length):
                break
            payload = apply_mask(bytes(data[begin + 4 : end]), bytes(data[begin : begin + 4]))
            if data[at] & 15 == 1:
                yield payload
            elif data[at] & 15 == 9:
                self._transport.write(b"\x8a" + bytes((length,)) + payload)
            elif data[at] & 15 == 8:
                self._transport.write(b"\x88" + bytes((length,)) + payload)
                self._transport.close()
            at = end
        del data[:at]

    def _received(self, message: bytes, now: float) -> None:
        if b'"input_audio_buffer.append"' in message[:60]:
            begin = message.index(b'"audio":"') + 9
            sound = base64.b64decode(message[begin : message.index(b'"', begin)])
            for sent, self._number in _stamps(sound):
                self._measured.caller.append((now - sent) * 1000)
            self._appended += len(sound)
            self._goes_on()
        elif b'"session.update"' in message:
            self._say([self._script.updated])
        elif b'"conversation.item.truncate"' in message:
            self._measured.truncated += 1
        elif b'"response.cancel"' not in message:
            self._measured.errors += 1

    def _goes_on(self) -> None:
        at_ms = PCMU.duration_ms(self._appended) % TURN_MS
        before, self._last_ms = self._last_ms, at_ms
        if before < _STARTED_MS <= at_ms:
            self._turn += 1
            self._measured.interrupted[self._number] = time.monotonic()
            self._say(self._script.started)
        elif before < _STOPPED_MS <= at_ms:
            self._say(self._script.stopped)
            self._speak(0, time.monotonic())

    def _speak(self, n_said: int, due: float) -> None:
        if n_said == _ANSWER_PIECES:
            self._say(self._script.finished)
            self._measured.turns += 1
            return
        sound = _stamped(_SOUND, time.monotonic(), self._number)
        self._say([self._script.delta.replace(b"\1", sound)])
        due += _PIECE_EVERY_S
        self._timer = self._loop.call_at(due, self._speak, n_said + 1, due)

    def _say(self, frames: list[bytes]) -> None:
        # Ids of events differ for every frame, those of items and responses for every turn.
        suffix = b"%d" % self._turn
        for frame in frames:
            self._n_said += 1
            text = frame.replace(b"\0", b"n%d" % self._n_said, 1).replace(b"\0", suffix)
            size = len(text)
            head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
            self._transport.write(head + text)


# --- the carrier's end


class Leg:
    """A call of a carrier with Twilio's protocol."""

    def __init__(self, port: int, number: int, measured: Measured) -> None:
        self._measured = measured
        self._loop = asyncio.get_running_loop()
        place = SocketPlace(
            host="127.0.0.1",
            server_name="localhost",
            port=port,
            path="/phone/twilio",
            authority=f"127.0.0.1:{port}",
            secure=False,
        )
        self.socket = LoadSocket(place, self)
        self._number = number
        self._codec = Twilio()
        self._codec.stream_id = f"MZ{number:08}"
        self._n_chunks = 0
        self._due = 0.0
        self._plays_out_at = 0.0
        self._marks: dict[bytes, asyncio.TimerHandle] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.ended_at: float | None = None

    def opened(self, now: float) -> None:
        """Greet, and begin to send."""
        self._send(LegStatus(name="connected"))
        self._send(CallStarted(call_id="CA1", stream_id=self._codec.stream_id, encoding=PCMU))
        self._due = now + random.random() * FRAME_MS / 1000
        self._timer = self._loop.call_at(self._due, self._tick)

    def ended(self, code: int, now: float, *, refused: str | None) -> None:
        """The connection is over."""
        self.hang_up()
        self.ended_at = now

    def hang_up(self) -> None:
        """Disconnect."""
        for timer in (self._timer, *self._marks.values()):
            if timer is not None:
                timer.cancel()
        self.socket.abort()

    def _send(self, event: LegEvent) -> None:
        text = self._codec.write(event, sequence=self._n_chunks)
        self.socket.write(client_frame(str(text).encode()))

    def _tick(self) -> None:
        now = time.monotonic()
        self._measured.late.append((now - self._due) * 1000)
        self._n_chunks += 1
        numbers = f'"chunk":"{self._n_chunks}","timestamp":"{self._n_chunks * FRAME_MS}"'
        place = f'"event":"media","sequenceNumber":"{self._n_chunks}"'
        head = f'{{{place},"media":{{"track":"inbound",{numbers},"payload":"'
        tail = f'"}},"streamSid":"{self._codec.stream_id}"}}'
        sound = _stamped(_SOUND[:_FRAME_BYTES], now, self._number)
        self.socket.write(client_frame(head.encode() + sound + tail.encode()))
        self._due += FRAME_MS / 1000
        self._timer = self._loop.call_at(self._due, self._tick)

    def received(self, message: bytes, now: float) -> None:
        """A command of the bridge."""
        if b'"payload":"' in message:
            begin = message.index(b'"payload":"') + 11
            sound = base64.b64decode(message[begin : message.index(b'"', begin)])
            self._measured.answer += [(now - sent) * 1000 for sent, _ in _stamps(sound)]
            self._plays_out_at = max(now, self._plays_out_at) + len(sound) / PCMU.bytes_per_s
        elif b'"mark"' in message:
            begin = message.index(b'"name":"') + 8
            name = message[begin : message.index(b'"', begin)]
            self._marks[name] = self._loop.call_at(max(now, self._plays_out_at), self._played, name)
        elif b'"clear"' in message:
            if (began := self._measured.interrupted.pop(self._number, None)) is not None:
                self._measured.clear.append((now - began) * 1000)
            self._plays_out_at = now
            for name, timer in list(self._marks.items()):
                timer.cancel()
                self._played(name)

    def _played(self, name: bytes) -> None:
        del self._marks[name]
        self._send(Played(name=name.decode()))
