"""Limits of values hold to their last number, and not one further; the error for a value outside names them."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.server.validation import RANGES, rate_limits

VAD = "audio.input.turn_detection"
LIMITS = RANGES | rate_limits((24_000, 16_000), (24_000,))
WAIT = ([0, 10_000], [-1, 10_001, 3_600_000, 3_600_001], [False, True, True, False], "a number from 0 to 10000")
METADATA = "up to 16 pairs, keys of 64, values of 512 characters"

ROWS: list[tuple[str, list[Any], list[Any], list[bool], str]] = [
    ("output_modalities", [["audio"], ["text"]], [["text", "audio"], []], [True, False], "['audio'] or ['text']"),
    ("max_output_tokens", [1, 4096, "inf"], [0, 4097, "all"], [False, True, False], "1 to 4096 or 'inf'"),
    ("metadata", [{}, {str(key): "" for key in range(16)}], [{str(key): "" for key in range(17)}], [True], METADATA),
    ("metadata", [{"k" * 64: "v" * 512}], [{"k" * 65: ""}, {"k": "v" * 513}], [True, True], METADATA),
    ("conversation", ["auto", "none"], ["both"], [False], "one of auto, none"),
    ("tool_choice", ["none", "auto", "required", {}], ["all"], [False], "one of none, auto, required"),
    ("truncation", ["auto", "disabled", {}], ["none"], [False], "one of auto, disabled"),
    ("truncation.retention_ratio", [0, 1], [-0.01, 1.01], [False, False], "a number from 0 to 1"),
    ("truncation.token_limits.post_instructions", [0], [-1], [False], "0 or more"),
    ("tracing", ["auto", {}], ["none"], [True], "one of auto"),
    ("audio.input.format.rate", [16_000, 24_000], [16_001, 48_000, 48_001], [True, True, False], "16000 or 24000"),
    ("audio.output.format.rate", [24_000], [24_001], [True], "24000"),
    ("audio.output.speed", [0.25, 1.5], [0.24, 1.51], [False, False], "a number from 0.25 to 1.5"),
    (f"{VAD}.threshold", [0, 1], [-0.01, 1.01], [False, False], "a number from 0 to 1"),
    (f"{VAD}.prefix_padding_ms", *WAIT),
    (f"{VAD}.silence_duration_ms", *WAIT),
    (
        f"{VAD}.idle_timeout_ms",
        *([5_000, 30_000], [0, 1, 4_999, 30_001, 3_600_000, 3_600_001]),
        *([False, True, True, True, True, False], "a number from 5000 to 30000"),
    ),
    (f"{VAD}.eagerness", ["low", "medium", "high", "auto"], ["none"], [True], "one of low, medium, high, auto"),
    ("audio.input.noise_reduction.type", ["near_field", "far_field"], ["x"], [True], "one of near_field, far_field"),
]


@pytest.mark.parametrize(
    ("path", "inside", "outside", "harmless", "expected"), ROWS, ids=[f"{n}-{row[0]}" for n, row in enumerate(ROWS)]
)
def test_a_value_at_its_limit_is_taken_and_one_behind_it_is_not(
    path: str, inside: list[Any], outside: list[Any], harmless: list[bool], expected: str
) -> None:
    assert [fault for value in inside for fault in LIMITS[path].faults(value, path)] == []
    faults = [fault for value in outside for fault in LIMITS[path].faults(value, path)]
    assert [fault.harmless for fault in faults] == harmless
    assert {(fault.code, fault.param) for fault in faults} == {("invalid_value", path)}
    got = ["" if path == "metadata" else f", but got {value!r}" for value in outside]
    assert [fault.message for fault in faults] == [
        f"Invalid value for '{path}': expected {expected}{words}." for words in got
    ]


@pytest.mark.parametrize(("rate_hz", "harmless"), [(7_999, False), (8_000, True), (15_999, True)])
def test_a_rate_below_the_lowest_has_a_code_of_its_own(rate_hz: int, harmless: bool) -> None:
    [fault] = LIMITS["audio.input.format.rate"].faults(rate_hz, "rate")
    assert (fault.code, fault.harmless) == ("integer_below_min_value", harmless)
    assert fault.message == f"Invalid 'rate': expected a value >= 16000, but got {rate_hz}."


def test_every_limit_has_a_row() -> None:
    assert {path for path, *_ in ROWS} == LIMITS.keys()
