"""Who talks how long: both at once, one of them, neither."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

__all__ = ["TalkFigures", "talk_of"]

_GRACE_S: Final = 0.5
"""Both talk for so long at each change of the speaker in any talk: only what is longer is talking over."""

_DIGITS: Final = 3


class TalkFigures(Struct, frozen=True, kw_only=True):
    """Seconds of a call."""

    user_s: float
    model_s: float
    both_s: float
    """All in which both talk."""
    over_s: float
    """Of it, what goes beyond half a second each time."""
    silence_s: float
    longest_silence_s: float


def talk_of(
    user: Iterable[tuple[float, float]], model: Iterable[tuple[float, float]], duration_s: float
) -> TalkFigures:
    """The figures of two sides, each as spans of a call in any order."""
    users, models = _joined(user, duration_s), _joined(model, duration_s)
    both = _common(users, models)
    talk = _joined([*users, *models], duration_s)
    ends = [0.0, *(end_s for _, end_s in talk)]
    begins = [*(begin_s for begin_s, _ in talk), max(0.0, duration_s)]
    silences = [max(0.0, begin_s - end_s) for end_s, begin_s in zip(ends, begins, strict=True)]
    return TalkFigures(
        user_s=_sum(users),
        model_s=_sum(models),
        both_s=_sum(both),
        over_s=round(sum(max(0.0, end_s - begin_s - _GRACE_S) for begin_s, end_s in both), _DIGITS),
        silence_s=round(sum(silences), _DIGITS),
        longest_silence_s=round(max(silences), _DIGITS),
    )


def _sum(spans: list[tuple[float, float]]) -> float:
    return round(sum(end_s - begin_s for begin_s, end_s in spans), _DIGITS)


def _joined(spans: Iterable[tuple[float, float]], duration_s: float) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin_s, end_s in sorted((max(0.0, begin_s), min(end_s, duration_s)) for begin_s, end_s in spans):
        if end_s <= begin_s:
            continue
        if joined and begin_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((begin_s, end_s))
    return joined


def _common(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> list[tuple[float, float]]:
    common: list[tuple[float, float]] = []
    first = second = 0
    while first < len(one) and second < len(other):
        begin_s = max(one[first][0], other[second][0])
        end_s = min(one[first][1], other[second][1])
        if begin_s < end_s:
            common.append((begin_s, end_s))
        if one[first][1] <= other[second][1]:
            first += 1
        else:
            second += 1
    return common
