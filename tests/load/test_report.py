"""What is said about a level."""

from __future__ import annotations

import pytest

from duologue.inspection.gate import thresholds_in
from duologue.load.report import DelayFigures, report_of
from duologue.load.samples import LevelSamples


def samples(*first_audio_ms: float, lost: int = 0, late_ms: float = 0.1) -> LevelSamples:
    made = LevelSamples(first_audio=list(first_audio_ms), lost=lost, window_s=10.0, up_s=20.0, sent_bytes=5_000_000)
    made.answers = len(first_audio_ms)
    made.turns = made.answers + lost
    made.was_late(late_ms, 100)
    return made


def test_a_percentile_of_too_few_would_be_the_longest_and_is_not_told() -> None:
    assert DelayFigures.of([]) is None
    one, twenty, hundred = (DelayFigures.of(list(range(n))) for n in (1, 20, 100))
    assert one == DelayFigures(count=1, p50=None, p95=None, p99=None, max=0)
    assert twenty is not None
    assert (twenty.p50, twenty.p95, twenty.p99, twenty.max) == (9, 18, None, 19)
    assert hundred is not None
    assert hundred.p99 == 98
    assert [hundred.at(name) for name in ("median", "p95", "p99", "max", "count")] == [49, 94, 98, 99, 100]


def test_a_generator_that_was_late_has_not_measured() -> None:
    assert report_of(samples(100, late_ms=4.0), calls=2).not_measured is None
    late = report_of(samples(100, late_ms=9.0), calls=2)
    assert late.not_measured is not None
    assert "the generator was late itself" in late.not_measured
    assert (late.calls_up, late.sent_kb_per_s) == (2.0, 500.0)


def test_lost_answers_break_every_limit_that_they_reach() -> None:
    limits = {"first_audio": thresholds_in("p95<=1s", "ms")}
    assert report_of(samples(*[100.0] * 40), calls=1).broken(limits) == []
    assert report_of(samples(*[100.0] * 39, lost=1), calls=1).broken(limits) == []
    assert report_of(samples(*[100.0] * 37, lost=3), calls=1).broken(limits) == ["first_audio p95<=1s: no answer"]
    assert report_of(samples(*[2000.0] * 40), calls=1).broken(limits) == ["first_audio p95<=1s: 2000 ms"]
    assert report_of(samples(*[100.0] * 5), calls=1).broken(limits) == ["first_audio p95<=1s: not enough turns"]
    longest = {"first_audio": thresholds_in("max<=1s", "ms")}
    assert report_of(samples(*[100.0] * 39, lost=1), calls=1).broken(longest) == ["first_audio max<=1s: no answer"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("errors", {"odd": 2}, "2 × error odd"),
        ("closes", {"1011": 1}, "1 × closed with 1011"),
        ("refused", {"HTTP 429": 3}, "3 × refused: HTTP 429"),
    ],
)
def test_what_went_wrong_is_said(field: str, value: dict[str, int], said: str) -> None:
    made = samples(100)
    setattr(made, field, value)
    assert report_of(made, calls=1).failures == [said]
    assert report_of(samples(), calls=1).failures == ["no turn ended in the window: hold it longer"]
    assert report_of(samples(100, lost=1), calls=1).failures == ["1 of 2 turns were not answered"]
