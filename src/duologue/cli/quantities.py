"""Durations and rates as arguments: 60s, 20ms, 2m; 5/s."""

from __future__ import annotations

import re
from typing import Final

from duologue.cli.errors import UsageError

__all__ = ["counts_in", "per_second_in", "seconds_in"]

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)?")
_RATE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(?:/(s|m))?")

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_MAX_COUNT: Final = 100_000
"""Calls: more sockets than a process may have."""


def seconds_in(text: str, option: str) -> float:
    """The seconds of a duration above 0; without a unit it is in seconds. Raises UsageError."""
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2] or "s"] if found is not None else 0.0
    if seconds <= 0:
        raise UsageError(f"{option} is a duration such as 60s, 500ms or 2m, not {text}")
    return seconds


def per_second_in(text: str, option: str) -> float:
    """How often in a second; without a unit it is that. Raises UsageError."""
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) / _SECONDS[found[2] or "s"] if found is not None else 0.0
    if rate <= 0:
        raise UsageError(f"{option} is a rate such as 5/s or 30/m, not {text}")
    return rate


def counts_in(text: str, option: str) -> list[int]:
    """Numbers above 0, parted by commas. Raises UsageError."""
    counts = [int(part) if part.strip().isdecimal() and len(part) < 9 else 0 for part in text.split(",")]
    if not counts or not all(0 < count <= _MAX_COUNT for count in counts):
        raise UsageError(f"{option} is a number of calls, or several with commas such as 1,10,50, not {text}")
    return counts
