"""Times as logs write them."""

from __future__ import annotations

import pytest

from duologue.recording.formats.timestamps import seconds_of, seconds_of_prefix

NOW_S = 1793527200.25


@pytest.mark.parametrize(
    "value",
    [
        NOW_S,
        NOW_S * 1e3,
        NOW_S * 1e6,
        int(NOW_S * 1e9),
        "2026-11-01T10:00:00.250Z",
        "2026-11-01 10:00:00,250",
        "2026-11-01T11:00:00.25+01:00",
        "2026-11-01T11:00:00.250+0100",
        "[2026-11-01T10:00:00.250Z] INFO > ",
        f"{NOW_S} > ",
    ],
)
def test_a_moment_is_the_same_in_whatever_it_is_written(value: object) -> None:
    assert seconds_of(value) == pytest.approx(NOW_S, abs=1e-3)


@pytest.mark.parametrize(
    ("prefix", "seconds"),
    [
        ("10:00:01.5 < ", 36_001.5),
        ("[10:00:01,250] ", 36_001.25),
        ("[  12.345] ", 12.345),
        ("+0.1 ", 0.1),
        ("v1.2.3 ", None),
        ("2026-13-45T10:00:00Z ", None),
        ("> ", None),
        ("", None),
    ],
)
def test_a_time_in_the_text_before_a_frame_is_found(prefix: str, seconds: float | None) -> None:
    assert seconds_of_prefix(prefix) == seconds


def test_small_numbers_are_seconds_unless_the_field_says_milliseconds() -> None:
    assert (seconds_of(1500), seconds_of(1500, milliseconds=True), seconds_of(0.5)) == (1500.0, 1.5, 0.5)


@pytest.mark.parametrize("value", [True, None, -1, float("nan"), float("inf"), 10**400, [], {}, "soon"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert seconds_of(value) is None
