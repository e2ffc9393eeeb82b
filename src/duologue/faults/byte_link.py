"""The bytes of one TCP connection of a WebSocket, with faults: an asyncio transport over another one."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Final

from duologue.faults.delays import Delays

__all__ = ["ByteLink"]

_MAX_WAITING_BYTES: Final = 256 * 1024
"""Of what is under way: beyond it the writer waits, as it would for a full socket."""

_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing resets the connection instead of ending it."""

_RESERVED_BITS: Final = (0x40, 0x20, 0x10)
"""In the first byte of a frame, RFC 6455, section 5.2: without an extension they must be 0."""

_SLOW_RECEIVE_BUFFER_BYTES: Final = 4096
"""The kernel's buffer would hide a slow reader until it is full; it takes no smaller one."""


class ByteLink(asyncio.Transport):
    """Stands between a WebSocket and its TCP connection. Without a fault it passes everything on at once.

    The shell hands what the connection receives to `received`, and asks `is_silent` before it does anything else.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        pause: Callable[[], object],
        resume: Callable[[], object],
        chance: Random,
    ) -> None:
        """`pause` and `resume` tell the WebSocket that the link is full, and that it has room again."""
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pause, self._resume = pause, resume
        self._chance = chance
        self.delays: Delays = Delays(chance)
        self.slice_bytes = 0
        """Pieces of what is sent; 0: as it comes."""
        self._silent_until = -math.inf
        self._corrupts = False
        self._waiting: deque[tuple[float, bytes | Callable[[], object]]] = deque()
        self._size_bytes = 0
        self._is_full = False
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._reads_per_s = math.inf
        self._slow_until = -math.inf
        self._wants_reading = True
        self._is_resting = False
        self._reading: asyncio.TimerHandle | None = None

    # --- faults

    def use_chance(self, chance: Random) -> None:
        """Take jitter and bits from this chance from now on."""
        self._chance = chance
        self.delays.use_chance(chance)

    def silence(self, lasts_s: float) -> None:
        """Nothing passes in either direction."""
        self._silent_until = self._loop.time() + lasts_s

    @property
    def is_silent(self) -> bool:
        """Whether what comes is lost."""
        return self._loop.time() < self._silent_until

    def corrupt_next(self) -> None:
        """Flip a bit in the first byte of what is written next, which is the header of a frame."""
        self._corrupts = True

    def read_slowly(self, bytes_per_s: float, lasts_s: float) -> None:
        """Read so many bytes a second; 0: none."""
        self._reads_per_s = bytes_per_s
        self._slow_until = self._loop.time() + lasts_s
        found: socket.socket | None = self._transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_RECEIVE_BUFFER_BYTES)
        if bytes_per_s == 0:
            self._rest(lasts_s)

    def reset(self) -> None:
        """Reset the TCP connection."""
        found: socket.socket | None = self._transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.abort()

    def cut(self) -> None:
        """End the TCP connection, behind what is written, without a close of the WebSocket."""
        self._waiting.clear()
        self._transport.close()

    # --- what comes in

    def received(self, data: bytes) -> None:
        """So much was read: rest, if that was too fast."""
        if self._reads_per_s < math.inf:
            now = self._loop.time()
            if now >= self._slow_until:
                self._reads_per_s = math.inf
            elif self._reads_per_s > 0:
                self._rest(min(len(data) / self._reads_per_s, self._slow_until - now))

    def _rest(self, rests_s: float) -> None:
        self._transport.pause_reading()
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if rests_s == math.inf else self._loop.call_later(rests_s, self._read_again)
        self._is_resting = True

    def _read_again(self) -> None:
        self._is_resting = False
        self._reading = None
        if self._wants_reading and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """Called by the WebSocket, whose reader is slow."""
        self._wants_reading = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Called by the WebSocket, whose reader has caught up."""
        self._wants_reading = True
        if not self._is_resting:
            self._transport.resume_reading()

    def is_reading(self) -> bool:
        """Whether bytes are read."""
        return self._transport.is_reading()

    # --- what goes out

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as late and in such pieces as the faults have it."""
        if not self._waiting and not self.slice_bytes and not self._corrupts and not self.delays.is_slow:
            if not self.is_silent:
                self._transport.write(data)
            return
        self._write_late(bytes(data))

    def _write_late(self, data: bytes) -> None:
        now = self._loop.time()
        if now < self._silent_until:
            return
        if self._corrupts and data:
            self._corrupts = False
            data = bytes([data[0] ^ self._chance.choice(_RESERVED_BITS)]) + data[1:]
        step = self.slice_bytes or len(data) or 1
        for begin in range(0, len(data), step):
            piece = data[begin : begin + step]
            self._waiting.append((self.delays.due_at(len(piece), now), piece))
            self._size_bytes += len(piece)
        if self._size_bytes > _MAX_WAITING_BYTES and not self._is_full:
            self._is_full = True
            self._pause()
        self._wait()

    def _wait(self) -> None:
        """Wait for the next piece that is due. Each piece has a turn of the event loop, so that the system sends it."""
        if self._timer is None and self._waiting:
            due_at = self._waiting[0][0]
            if due_at <= self._loop.time():
                self._timer = self._loop.call_soon(self._write_next)
            else:
                self._timer = self._loop.call_at(due_at, self._write_next)

    def _write_next(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        _, next_one = self._waiting.popleft()
        if callable(next_one):
            next_one()
        else:
            self._size_bytes -= len(next_one)
            if not self.is_silent:
                self._transport.write(next_one)
        if self._is_full and self._size_bytes < _MAX_WAITING_BYTES // 2:
            self._is_full = False
            self._resume()
        self._wait()

    def _behind(self, act: Callable[[], object]) -> None:
        """Do this behind what is under way."""
        if not self._waiting:
            act()
        else:
            self._waiting.append((self._waiting[-1][0], act))

    def can_write_eof(self) -> bool:
        """Whether the connection can be closed in one direction: not with TLS."""
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        """Close the direction out, behind what is under way."""
        if not self.is_silent:
            self._behind(self._transport.write_eof)

    def close(self) -> None:
        """Close, behind what is under way."""
        self._behind(self._transport.close)

    def abort(self) -> None:
        """Close at once."""
        self._waiting.clear()
        self._transport.abort()

    # --- the rest of a transport

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the connection below says."""
        return self._transport.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Limits of the connection below; the link has its own."""
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent yet."""
        return self._transport.get_write_buffer_size() + self._size_bytes
