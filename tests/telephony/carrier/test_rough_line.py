"""Loss, jitter and another order of a caller's audio."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from duologue.telephony.carrier.rough_line import LineQuality, RoughLine


def _through(quality: LineQuality, n: int = 500, *, seed: int = 1) -> list[tuple[float, int, int]]:
    """When each piece comes out, its number, and itself."""
    line: RoughLine[int] = RoughLine(quality, chance=Random(seed).random)
    came: list[tuple[float, int, int]] = []
    for piece in range(n):
        line.push(piece, now=piece * 0.02)
    while line.next_due_at < inf:
        at = line.next_due_at
        came += [(at, number, each) for number, each in line.take(at)]
    assert len(came) + line.lost == n
    return came


def test_a_good_line_passes_everything_at_once() -> None:
    assert _through(LineQuality(), 3) == [(0.0, 1, 0), (0.02, 2, 1), (0.04, 3, 2)]


def test_lost_pieces_have_no_number() -> None:
    came = _through(LineQuality(loss=0.1))
    assert 425 < len(came) < 475
    assert [number for _, number, _ in came] == list(range(1, len(came) + 1))


def test_jitter_delays_and_keeps_the_order() -> None:
    came = _through(LineQuality(jitter_ms=60))
    delays_ms = [(at - piece * 0.02) * 1000 for at, _, piece in came]
    assert 0 <= min(delays_ms) < 10
    assert 50 < max(delays_ms) <= 60
    assert [piece for _, _, piece in came] == list(range(500))


def test_reordered_pieces_are_overtaken_by_two() -> None:
    came = [piece for _, _, piece in _through(LineQuality(reordering=0.05))]
    assert sorted(came) == list(range(500))
    late = [(place, piece) for place, piece in enumerate(came) if piece < max(came[: place + 1])]
    assert 10 < len(late) < 40
    assert all(0 < place - piece <= 3 for place, piece in late)


def test_the_same_chance_does_the_same() -> None:
    bad = LineQuality(loss=0.1, jitter_ms=30, reordering=0.1)
    assert _through(bad, seed=7) == _through(bad, seed=7) != _through(bad, seed=8)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"loss": 5}, "from 0 to 1"), ({"reordering": -1}, "from 0 to 1"), ({"jitter_ms": 5000}, "1000 ms")],
)
def test_what_is_no_quality_is_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LineQuality(**wrong)
