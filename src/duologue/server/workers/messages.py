"""Messages between the parent and a worker, and their frames: four bytes of length, then MessagePack."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from duologue.server.open_sessions import DrainManner

__all__ = [
    "MAX_BYTES",
    "Answer",
    "AskFigures",
    "ChannelReader",
    "Drain",
    "DrainWanted",
    "Enter",
    "Family",
    "Figures",
    "FromParent",
    "FromWorker",
    "Get",
    "Leave",
    "Load",
    "Page",
    "Put",
    "Ready",
    "Sample",
    "Take",
    "frame",
    "framed",
]

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of one message. A client secret is as long as an HTTP body, 1 MiB unless the operator raises it; both ends belong to
one server, so this guards against a fault, not against an attack."""

_LENGTH_BYTES: Final = 4

Sample: TypeAlias = tuple[str, tuple[tuple[str, str], ...], float]
"""Name, labels in the order of their names, and value of one line of the metrics page."""

Family: TypeAlias = tuple[str, str, str, tuple[Sample, ...]]
"""Name, type and meaning of a metric, and its samples."""


class _Message(Struct, frozen=True, kw_only=True, tag=True):
    """A message; its tag is the name of its class."""


class Ready(_Message, frozen=True, kw_only=True):
    """The engines are loaded: sockets may come. The limits are the parent's from now on."""

    takes_calls: bool
    """Whether there are calls over WebRTC."""
    memory_bytes: int
    """What the process takes, with its engines."""
    client_secrets: int
    max_client_secret_bytes: int
    max_owner_client_secret_bytes: int
    drain_s: float
    drain: DrainManner


class Load(_Message, frozen=True, kw_only=True):
    """What a worker holds, sent when it changes."""

    held: int
    """Connections, whether they are sessions already or not, and calls over WebRTC, which have none."""
    received: int
    """Sockets that have become connections, or have ended before, since its start."""


class Figures(_Message, frozen=True, kw_only=True):
    """The metrics of a worker."""

    families: tuple[Family, ...]


class Put(_Message, frozen=True, kw_only=True):
    """Keep a value: `SharedStore.put`."""

    request: int
    digest: bytes
    value: bytes
    owner: str
    lives_s: float
    now: float


class Get(_Message, frozen=True, kw_only=True):
    """Look for a value: `SharedStore.get`."""

    request: int
    digest: bytes
    now: float


class Take(_Message, frozen=True, kw_only=True):
    """Count a session for its owner's rate: `SharedStore.take`."""

    request: int
    owner: str
    per_minute: float
    now: float


class Enter(_Message, frozen=True, kw_only=True):
    """Count an open session: `Supervisor.enter`."""

    request: int
    owner: str
    maximum: int
    owner_maximum: int | None


class Leave(_Message, frozen=True, kw_only=True):
    """A session has ended: `Supervisor.leave`."""

    owner: str


class Page(_Message, frozen=True, kw_only=True):
    """Wants the metrics of all workers."""

    request: int


class DrainWanted(_Message, frozen=True, kw_only=True):
    """A client with a key wants all to end."""

    manner: DrainManner


class Answer(_Message, frozen=True, kw_only=True):
    """Answers a request."""

    request: int
    granted: bool = True
    value: bytes | None = None
    rejection: str | None = None
    """A name in `REJECTIONS`."""
    max_bytes: int = 0
    """What the rejection's sentence names, if it names a number."""


class AskFigures(_Message, frozen=True, kw_only=True):
    """Wants `Figures`."""


class Drain(_Message, frozen=True, kw_only=True):
    """End: no more sockets will come."""

    manner: DrainManner
    replaced: bool = False
    """Whether another worker serves in its place."""


FromWorker: TypeAlias = Ready | Load | Figures | Put | Get | Take | Enter | Leave | Page | DrainWanted
FromParent: TypeAlias = Answer | AskFigures | Drain


def frame(message: FromWorker | FromParent) -> bytes:
    """The bytes of a message."""
    return framed(msgspec.msgpack.encode(message))


def framed(content: bytes) -> bytes:
    """The frame of any content."""
    return len(content).to_bytes(_LENGTH_BYTES, "big") + content


class ChannelReader:
    """Makes messages of the bytes that come."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The contents of the messages that are whole by now.

        Raises:
            ValueError: a message is longer than `MAX_BYTES`.
        """
        self._data += data
        found: list[bytes] = []
        begin = 0
        while len(self._data) - begin >= _LENGTH_BYTES:
            length = int.from_bytes(self._data[begin : begin + _LENGTH_BYTES], "big")
            if length > MAX_BYTES:
                raise ValueError(f"a message of {length} bytes")
            end = begin + _LENGTH_BYTES + length
            if len(self._data) < end:
                break
            found.append(bytes(self._data[begin + _LENGTH_BYTES : end]))
            begin = end
        del self._data[:begin]
        return found
