"""Memory accounting of one session: the bytes that it holds, by kind, and whether more fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from sys import getsizeof
from typing import Any, Final, Literal, TypeAlias
from weakref import WeakMethod

from msgspec import UNSET, Struct

from duologue.events.base import Extra
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["KINDS", "Charge", "Kind", "MemoryAccount", "held_bytes"]

Kind: TypeAlias = Literal["input", "audio", "items", "configuration", "responses", "backlog", "client_secrets"]

KINDS: Final[tuple[Kind, ...]] = ("input", "audio", "items", "configuration", "responses", "backlog", "client_secrets")
"""What bytes are held for:

- `input`: the input audio buffer.
- `audio`: audio of items, and of running transcriptions.
- `items`: items without their audio.
- `configuration`: the session's settings, tools and instructions.
- `responses`: what running responses hold apart from the conversation.
- `backlog`: large messages that the client has not read.
- `client_secrets`: secrets that have not expired, which no session holds."""

_DICT_BYTES: Final = 64
_MEMBER_BYTES: Final = 104
"""The most that an entry takes, in a dictionary that has just grown: key, value, hash and slot."""
_STRUCT_BYTES: Final = 32

Charge: TypeAlias = Callable[[Kind, int, bool], str | None]
"""Called with every change in bytes. If the change does not fit, counts nothing and returns a name in
`INVALID_REQUESTS`. If the third argument is true, the bytes are allocated already and are counted in any case."""


def _unlimited(kind: Kind, n_bytes: int, forced: bool) -> str | None:
    return None


class MemoryAccount:
    """Counts for one session. Rejects more above `max_bytes`, or where `charge` does."""

    def __init__(self, max_bytes: int, charge: Charge = _unlimited) -> None:
        self._max_bytes = max_bytes
        self._charge = charge
        self._total_bytes = 0
        self._release: WeakMethod[Callable[[int], bool]] | None = None
        self.held: Counter[str] = Counter()

    def release_by(self, release: Callable[[int], bool]) -> None:
        """Have this method, whose object is not kept alive, release so many bytes where more does not fit; it returns
        whether it has released any."""
        self._release = WeakMethod(release)

    def take(self, kind: Kind, n_bytes: int, *, param: str | None = None) -> None:
        """Count this much more. Raises InvalidRequest if it does not fit; nothing is counted then."""
        reason = self._try(kind, n_bytes)
        if reason is not None:
            raise InvalidRequest(reason, param=param, max=self._max_bytes)

    def fits(self, kind: Kind, n_bytes: int) -> bool:
        """Count this much more if it fits; else nothing, and false."""
        return self._try(kind, n_bytes) is None

    def change(self, kind: Kind, n_bytes: int) -> None:
        """Count bytes that are allocated already, or (negative) released."""
        if n_bytes:
            self._charge(kind, n_bytes, True)
            self._count(kind, n_bytes)

    def _try(self, kind: Kind, n_bytes: int) -> str | None:
        """Count this much more if it fits, perhaps after a release; else return a name in `INVALID_REQUESTS`."""
        reason = self._charged(kind, n_bytes)
        if reason is not None and self._release is not None and (release := self._release()) is not None:
            return self._charged(kind, n_bytes) if release(n_bytes) else reason
        return reason

    def _charged(self, kind: Kind, n_bytes: int) -> str | None:
        if n_bytes > 0 and self._total_bytes + n_bytes > self._max_bytes:
            return "session_full"
        reason = self._charge(kind, n_bytes, False)
        if reason is None:
            self._count(kind, n_bytes)
        return reason

    def _count(self, kind: Kind, n_bytes: int) -> None:
        self._total_bytes += n_bytes
        self.held[kind] += n_bytes


def held_bytes(value: Any) -> int:
    """Upper bound of the bytes that a decoded value takes in memory.

    A text with an emoji takes four bytes a character, and as many more once it has been encoded. The time that this
    takes grows with the number of values, not with their length.
    """
    total = 0
    left = [value]
    while left:
        value = left.pop()
        if value is UNSET or value is None:
            continue
        kind = type(value)
        if kind is str:
            total += getsizeof(value) if value.isascii() else 2 * getsizeof(value)
        elif kind is dict or kind is Extra:
            total += _DICT_BYTES + _MEMBER_BYTES * len(value)
            left += value
            left += value.values()
        elif kind is list or kind is tuple:
            total += getsizeof(value)
            left += value
        elif issubclass(kind, Struct):
            size, fields = _shape_of(kind)
            total += size
            left += fields(value)
        else:
            total += getsizeof(value)
    return total


@cache
def _shape_of(kind: type[Struct]) -> tuple[int, Callable[[Any], tuple[Any, ...]]]:
    """The bytes of an object without its fields' values, and a function that returns those."""
    names = kind.__struct_fields__
    size = _STRUCT_BYTES + 8 * len(names)
    return size, attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)
