"""What one session holds in memory, in bytes and by kind, and whether more of it fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from sys import getsizeof
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from duologue.protocol.refusals import Refusal

__all__ = ["KINDS", "Account", "Charge", "Kind", "held_bytes"]

Kind: TypeAlias = Literal["input", "audio", "items", "configuration", "responses", "client_secrets"]

KINDS: Final[tuple[Kind, ...]] = ("input", "audio", "items", "configuration", "responses", "client_secrets")
"""The input audio buffer; audio of items, and of transcriptions under way; items without their audio; the session's
configuration; what responses under way hold beside the conversation; and, of no session, client secrets."""

Charge: TypeAlias = Callable[[Kind, int, bool], str | None]
"""Is told of every change in bytes. Returns the name of the refusal if it does not fit, and has counted nothing then;
where the third argument is true the bytes are there already, and are counted in any case."""


def _unlimited(kind: Kind, n_bytes: int, forced: bool) -> str | None:
    return None


class Account:
    """Counts for one session. Above `max_bytes`, or where `charge` says so, nothing more is taken."""

    def __init__(self, max_bytes: int, charge: Charge = _unlimited) -> None:
        self._max_bytes = max_bytes
        self._charge = charge
        self._total_bytes = 0
        self.held: Counter[str] = Counter()

    def take(self, kind: Kind, n_bytes: int, *, param: str | None = None) -> None:
        """Count this much more. Raises Refusal if it does not fit; nothing is counted then."""
        if not self.fits(kind, n_bytes):
            raise self._refusal(kind, n_bytes, param)

    def fits(self, kind: Kind, n_bytes: int) -> bool:
        """Count this much more if it fits; else nothing, and false."""
        if n_bytes > 0 and self._total_bytes + n_bytes > self._max_bytes:
            return False
        if self._charge(kind, n_bytes, False) is not None:
            return False
        self._count(kind, n_bytes)
        return True

    def change(self, kind: Kind, n_bytes: int) -> None:
        """Count so much more, or less, that is there already, or is gone."""
        if n_bytes:
            self._charge(kind, n_bytes, True)
            self._count(kind, n_bytes)

    def _count(self, kind: Kind, n_bytes: int) -> None:
        self._total_bytes += n_bytes
        self.held[kind] += n_bytes

    def _refusal(self, kind: Kind, n_bytes: int, param: str | None) -> Refusal:
        if self._total_bytes + n_bytes > self._max_bytes:
            return Refusal("session_full", param=param, most=self._max_bytes)
        return Refusal(self._charge(kind, n_bytes, False) or "server_full", param=param)


def held_bytes(value: Any) -> int:
    """What a decoded value costs in memory, at most: a text with one emoji has four bytes a character, and as many more
    once it has been written. Costs time by the number of values, not by their length."""
    total = 0
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            total += getsizeof(value) if value.isascii() else getsizeof(value) * 2
        elif isinstance(value, Struct):
            total += getsizeof(value)
            left += [getattr(value, name) for name in value.__struct_fields__]
        elif isinstance(value, dict):
            total += getsizeof(value)
            left += value.keys()
            left += value.values()
        elif isinstance(value, list | tuple):
            total += getsizeof(value)
            left += value
        elif hasattr(value, "keys"):  # what came beside the fields of a class
            left.append(dict(value))
        elif isinstance(value, int | float | bytes):
            total += getsizeof(value)
    return total
