"""The send queue of one client: bounded, with backpressure."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from duologue.errors import ConnectionClosed
from duologue.protocol import Close
from duologue.protocol.server.account import Charge
from duologue.transports import Transport
from duologue.transports.wire_log import SERVER_WIRE, log_frame

__all__ = ["MAX_WAITING_BYTES", "SendQueue"]

MAX_WAITING_BYTES: Final = 1024 * 1024
"""About 16 s of speech as base64. While a client is further behind, its engines wait."""

_LARGE_CHARS: Final = 16 * 1024
"""Longer messages count in the memory budget. A second of speech is shorter, and the queue holds 1 MiB of those."""


class SendQueue:
    """Any task of the session puts messages; one task gets them."""

    def __init__(
        self,
        *,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        stall_s: float | None = None,
        charge: Charge | None = None,
    ) -> None:
        """`stall_s` is how long a client that is behind may take no message; None: no limit. `charge` counts large
        messages until the next `get`."""
        self._max_waiting_bytes = max_waiting_bytes
        self._stall_s = stall_s
        self._charge = charge
        self._sending_bytes = 0
        self._taken = 0
        self._waiting: deque[str | Close] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._closed = False
        self._is_waited_on = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being sent: `get` waits for the next message."""
        return self._is_waited_on and not self._waiting and not self._closed

    def put(self, message: str | Close) -> None:
        """Add a message, or a close behind all messages. Never waits: call `room` before more work."""
        if self._closed:
            return
        self._waiting.append(message)
        if isinstance(message, str):
            self._waiting_bytes += len(message)
            self._count(self._counted(message))
        if self._waiting_bytes > self._max_waiting_bytes:
            self._has_room.clear()
        self._filled.set()

    async def get(self) -> str | Close:
        """The next message. Cancelling loses nothing."""
        self._count(-self._sending_bytes)
        self._sending_bytes = 0
        while not self._waiting:
            self._filled.clear()
            self._is_waited_on = True
            await self._filled.wait()
        self._is_waited_on = False
        message = self._waiting.popleft()
        self._taken += 1
        if isinstance(message, str):
            self._waiting_bytes -= len(message)
            counted = self._counted(message)
            self._sending_bytes = 2 * counted
            self._count(counted)  # the frame that the transport makes of it
        if self._waiting_bytes <= self._max_waiting_bytes:
            self._has_room.set()
        return message

    @staticmethod
    def _counted(message: str) -> int:
        return len(message) if len(message) > _LARGE_CHARS else 0

    def _count(self, n_bytes: int) -> None:
        if n_bytes and self._charge is not None:
            self._charge("backlog", n_bytes, True)

    @property
    def waiting_bytes(self) -> int:
        """What waits, in characters."""
        return self._waiting_bytes

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait."""
        return self._waiting_bytes > self._max_waiting_bytes and not self._closed

    async def room(self) -> bool:
        """Wait until the queue has room, or is closed. False: the client has taken no message for `stall_s`."""
        while not self._has_room.is_set():
            taken = self._taken
            try:
                async with asyncio.timeout(self._stall_s):
                    await self._has_room.wait()
            except TimeoutError:
                if self._taken == taken:
                    return False
        return True

    async def write_to(self, transport: Transport, *, session_id: str) -> int:
        """Write what is put, until a close has been written or the client is gone. Returns the close code.

        One task of the session does it; the queue is closed when it ends, also by cancellation.
        """
        try:
            while True:
                message = await self.get()
                if isinstance(message, Close):
                    await transport.close(message.code, message.reason)
                    return message.code
                if SERVER_WIRE.isEnabledFor(logging.DEBUG):
                    log_frame("sent", message, session=session_id, wire=SERVER_WIRE)
                await transport.send(message)
                del message  # else it would stay in memory until there is another one
        except ConnectionClosed as closed:
            return closed.code
        finally:
            self.close()

    def close(self) -> None:
        """The client is gone: drop all messages, also future ones, and end all waits for room."""
        self._closed = True
        self._waiting.clear()
        self._has_room.set()
