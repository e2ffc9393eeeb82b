"""Limits in words: `p95<800ms`, `max<=300ms`, `median<0.5s`, `count==0`; several are parted by commas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

__all__ = ["Comparison", "Threshold", "Unit", "thresholds_in"]

Unit: TypeAlias = Literal["ms", "count"]
"""What a figure is: a delay of each turn, or a number of things."""

Comparison: TypeAlias = Literal["<", "<=", ">", ">=", "=="]

_FORM: Final = re.compile(
    r"(?P<statistic>[a-z]{1,10}[\d.]{0,6})(?P<comparison>[<>=!]{1,2})(?P<number>\d{1,9}(?:\.\d{1,6})?)(?P<unit>[a-zµ%]{0,9})"
)
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")

_COMPARISONS: Final[Mapping[str, Comparison]] = {each: each for each in get_args(Comparison)}
_STATISTICS: Final = ("min", "median", "max", "count")
_MS: Final = {"ms": 1.0, "s": 1000.0}

_EXAMPLES: Final = {"ms": "p95<800ms, max<=1.2s, median<500ms or count>=20", "count": "0, count<=2 or count==0"}


class Threshold(Struct, frozen=True, kw_only=True):
    """One limit of one figure."""

    statistic: str
    """`min`, `median`, `max`, `count`, or `p` and a number above 0 and below 100."""
    comparison: Comparison
    limit: float
    """In milliseconds, or a number of things where the statistic is `count`."""
    text: str
    """As it was written, without spaces."""

    @property
    def percent(self) -> float | None:
        """Of the values, as many as the limit is about; None for what is no percentile."""
        if self.statistic == "median":
            return 50.0
        return float(self.statistic[1:]) if self.statistic.startswith("p") else None

    def holds(self, value: float) -> bool:
        """Whether a value keeps to the limit. What never came is infinity."""
        match self.comparison:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit
            case "==":
                return value == self.limit


def thresholds_in(text: str, unit: Unit) -> list[Threshold]:
    """The limits that a text holds. A number alone, of a figure that counts, is the most that is allowed.

    Raises:
        ValueError: it is not understood; the message says what is wrong and shows the right form.
    """
    if unit == "count" and text.strip().isdecimal():
        text = f"count<={text.strip()}"
    found = [_threshold(part, unit) for part in text.split(",") if part.strip()]
    if not found:
        raise ValueError(f"there is no limit in it: write {_EXAMPLES[unit]}")
    return found


def _threshold(text: str, unit: Unit) -> Threshold:
    written = "".join(text.split())
    form = _FORM.fullmatch(written.lower())
    if form is None:
        raise ValueError(f"{written!r} is no limit: write {_EXAMPLES[unit]}")
    statistic, comparison = form["statistic"], _COMPARISONS.get(form["comparison"])
    if comparison is None:
        raise ValueError(f"{written!r} compares with {form['comparison']}: use {', '.join(_COMPARISONS)}")
    if unit == "count" and statistic != "count":
        raise ValueError(f"{written!r}: this figure is a number of things, and has a count alone, as in count==0")
    if statistic not in _STATISTICS and (_PERCENTILE.fullmatch(statistic) is None or float(statistic[1:]) == 0):
        raise ValueError(f"{written!r} begins with {statistic}: known are {', '.join(_STATISTICS)}, p1 to p99.999")
    limit = float(form["number"]) * _factor(statistic, form["unit"], written)
    return Threshold(statistic=statistic, comparison=comparison, limit=limit, text=written)


def _factor(statistic: str, unit: str, text: str) -> float:
    if statistic == "count":
        if unit:
            raise ValueError(f"{text!r}: a count has no unit, and this says {unit}")
        return 1.0
    if unit not in _MS:
        wrong = f"{unit} is none that is known" if unit else "there is none"
        raise ValueError(f"{text!r} needs a unit, ms or s, and {wrong}")
    return _MS[unit]
