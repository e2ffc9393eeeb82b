"""Limits of values hold to their last number, and not one further."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.server.validation import RANGES

DETECTION = "audio.input.turn_detection"

BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("max_output_tokens", [1, 4096, "inf"], [0, 4097, "all"]),
    ("truncation.retention_ratio", [0, 1], [-0.01, 1.01]),
    ("truncation.token_limits.post_instructions", [0], [-1]),
    ("audio.output.speed", [0.25, 1.5], [0.24, 1.51]),
    (f"{DETECTION}.threshold", [0, 1], [-0.01, 1.01]),
    (f"{DETECTION}.prefix_padding_ms", [0, 10_000], [-1, 10_001]),
    (f"{DETECTION}.silence_duration_ms", [0, 10_000], [-1, 10_001]),
    (f"{DETECTION}.idle_timeout_ms", [5_000, 30_000], [4_999, 30_001]),
    ("metadata", [{}, {str(key): "" for key in range(16)}], [{str(key): "" for key in range(17)}]),
    ("metadata", [{"k" * 64: "v" * 512}], [{"k" * 65: ""}, {"k": "v" * 513}]),
]


@pytest.mark.parametrize(("path", "inside", "outside"), BOUNDS, ids=[f"{n}-{each[0]}" for n, each in enumerate(BOUNDS)])
def test_a_value_at_its_limit_is_taken_and_one_behind_it_is_not(
    path: str, inside: list[Any], outside: list[Any]
) -> None:
    assert [value for value in inside if not RANGES[path].holds(value)] == []
    assert [value for value in outside if RANGES[path].holds(value)] == []


@pytest.mark.parametrize("name", ["prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"])
def test_a_lenient_session_lets_a_turn_wait_for_an_hour_and_no_longer(name: str) -> None:
    harmless = RANGES[f"{DETECTION}.{name}"].harmless
    assert [harmless(value) for value in (-1, 0, 1, 3_600_000, 3_600_001)] == [False, False, True, True, False]
