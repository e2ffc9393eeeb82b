"""Where in the call a part of the model's speech is played: it follows what arrives, and the player's notes."""

from __future__ import annotations

from typing import Final

from duologue.inspection.view import HeardPart, PlayedSpan

__all__ = ["extended", "heard_until", "noted_spans"]

_MAX_SPANS: Final = 2000
"""Of one part: speech that stops more often than that is one span to its end."""

_JOINED_S: Final = 0.001
"""Pieces are told in whole samples, and times in microseconds: a shorter break is none."""

_LATE_S: Final = 0.1
"""A note comes when the player's task runs, and a player writes 20 ms at once: less says nothing."""


def extended(spans: list[PlayedSpan], at_s: float, media_ms: float, duration_ms: float) -> None:
    """A piece came at `at_s`, behind `media_ms` of the part: it is played then, or when what is there is over."""
    last = spans[-1] if spans else None
    if last is not None and (at_s <= last.end_s + _JOINED_S or len(spans) >= _MAX_SPANS):
        last.end_s += duration_ms / 1000
    else:
        spans.append(PlayedSpan(begin_s=at_s, end_s=at_s + duration_ms / 1000, media_ms=media_ms))


def noted_spans(row: HeardPart, heard_ms: int, at_s: float) -> None:
    """The player says that `heard_ms` were heard by `at_s`; `row` has what it said before."""
    if not row.spans:
        return
    if not row.is_noted:
        _shift(row.spans, 0, max(row.first_arrived_s, at_s - heard_ms / 1000) - row.spans[0].begin_s)
        return
    late_s = at_s - _played_at(row.spans, heard_ms)
    if late_s <= _LATE_S:
        return
    _shift(row.spans, _split(row.spans, row.heard_ms), late_s)  # it stood still after what was noted last


def heard_until(spans: list[PlayedSpan], heard_ms: float) -> tuple[list[PlayedSpan], list[PlayedSpan]]:
    """The spans of what was heard, and of the rest."""
    heard: list[PlayedSpan] = []
    rest: list[PlayedSpan] = []
    for span in spans:
        cut_s = span.begin_s + (heard_ms - span.media_ms) / 1000
        if cut_s >= span.end_s - _JOINED_S:
            heard.append(span)
        elif cut_s <= span.begin_s:
            rest.append(span)
        else:
            heard.append(PlayedSpan(begin_s=span.begin_s, end_s=cut_s, media_ms=span.media_ms))
            rest.append(PlayedSpan(begin_s=cut_s, end_s=span.end_s, media_ms=heard_ms))
    return heard, rest


def _shift(spans: list[PlayedSpan], first: int, by_s: float) -> None:
    for span in spans[first:]:
        span.begin_s += by_s
        span.end_s += by_s


def _played_at(spans: list[PlayedSpan], media_ms: float) -> float:
    """When so much of the part is played."""
    for span in reversed(spans):
        if media_ms > span.media_ms:
            return min(span.end_s, span.begin_s + (media_ms - span.media_ms) / 1000)
    return spans[0].begin_s


def _split(spans: list[PlayedSpan], media_ms: float) -> int:
    """The index of the span that begins behind so much of the part."""
    for index, span in enumerate(spans):
        if span.media_ms >= media_ms:
            return index
        cut_s = span.begin_s + (media_ms - span.media_ms) / 1000
        if cut_s < span.end_s - _JOINED_S and len(spans) < _MAX_SPANS:
            spans.insert(index + 1, PlayedSpan(begin_s=cut_s, end_s=span.end_s, media_ms=media_ms))
            span.end_s = cut_s
            return index + 1
    return len(spans)
