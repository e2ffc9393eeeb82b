"""When a frame passed, as logs write it: dates, times of day, and numbers of seconds, milliseconds and less."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["seconds_of", "seconds_of_prefix"]

_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""A number from here on is since 1970, in as many parts of a second: today is 1.8e9 seconds."""

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_TIME: Final = re.compile(r"\b(\d\d):(\d\d):(\d\d(?:[.,]\d+)?)")
_NUMBER: Final = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")


def seconds_of(value: object, *, milliseconds: bool = False) -> float | None:
    """The seconds that a value of a field means; None if it is no time. `milliseconds`: if the field's name says so."""
    match value:
        case bool():
            return None
        case int() | float():
            return _of_number(value, milliseconds=milliseconds)
        case str():
            return seconds_of_prefix(value)
        case _:
            return None


def seconds_of_prefix(prefix: str) -> float | None:
    """The time in the text before a frame."""
    if date := _ISO.search(prefix):
        try:
            moment = datetime.fromisoformat(date[0].replace(",", "."))
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if time := _TIME.search(prefix):
        return int(time[1]) * 3600 + int(time[2]) * 60 + float(time[3].replace(",", "."))
    if number := _NUMBER.search(prefix):
        return _of_number(float(number[0]), milliseconds=False)
    return None


def _of_number(value: float, *, milliseconds: bool) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number) or number < 0:
        return None
    for least, per_second in _UNITS:
        if number >= least:
            return number / per_second
    return number / 1000 if milliseconds else number
