"""Ed25519 signatures, checked in the standard library alone: RFC 8032, section 5.1.7.

Only public values are handled, so nothing here need take constant time. A signature takes a millisecond, also one that
is forged; the first one of a key some more, for its multiples.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import Final, TypeAlias

__all__ = ["is_signed"]

_Point: TypeAlias = tuple[int, int, int, int]
"""Extended coordinates: x = X/Z, y = Y/Z, x * y = T/Z."""

_Multiples: TypeAlias = list[list[_Point]]
"""Row n has 0 to 15 times 16**n times a point: 64 sums make any multiple."""

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_DIGITS: Final = 64
"""Of a factor, of 4 bits each: all are below 2**256."""
_ZERO: Final[_Point] = (0, 1, 1, 0)
_MAX_KEYS: Final = 4
"""Whose multiples are kept, 0.3 MB each: an application has one key, and another one while it is replaced."""
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)


def is_signed(message: bytes, *, signature: bytes, public_key: bytes) -> bool:
    """Whether the signature of 64 bytes is that of the key of 32 bytes on the message."""
    if len(signature) != 64 or len(public_key) != 32:
        return False
    key, scalar = _negative_multiples(public_key), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _ORDER
    # The point of the signature has one encoding: comparing that saves a square root.
    return _encoded(_sum(_times(scalar, _multiples_of_base()), _times(challenge, key))) == signature[:32]


@cache
def _multiples_of_base() -> _Multiples:
    base = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert base is not None
    return _multiples(base)


@lru_cache(maxsize=_MAX_KEYS)
def _negative_multiples(public_key: bytes) -> _Multiples | None:
    """Of the key's point, negated; None: it is no key."""
    point = _point(public_key)
    return None if point is None else _multiples((-point[0] % _P, point[1], 1, -point[3] % _P))


def _multiples(point: _Point) -> _Multiples:
    rows: list[list[_Point]] = []
    for _ in range(_DIGITS):
        row: list[_Point] = [_ZERO]
        for _ in range(15):
            row.append(_sum(row[-1], point))
        rows.append(row)
        point = _sum(row[-1], point)
    return rows


def _times(factor: int, multiples: _Multiples) -> _Point:
    product = _ZERO
    for row in multiples:
        if factor & 15:
            product = _sum(product, row[factor & 15])
        factor >>= 4
    return product


def _encoded(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _point(data: bytes) -> _Point | None:
    """The point that 32 bytes encode; None if there is none, or they are not its one encoding."""
    number = int.from_bytes(data, "little")
    y, sign = number & ~(1 << 255), number >> 255
    x = _x_of(y, sign) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _sum(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P
