"""The summary of a talk, in words."""

from __future__ import annotations

import pytest

from duologue.cli.views.summary import Latencies, _latency


@pytest.mark.parametrize(
    ("transcript_ms", "text"), [(41, "41 ms"), (0, "0 ms"), (-372, "while speaking"), (None, "\N{EN DASH}")]
)
def test_a_transcript_that_came_before_the_end_of_speech_came_while_speaking(
    transcript_ms: int | None, text: str
) -> None:
    latencies = Latencies(first_transcript=transcript_ms, first_text=605, first_audio=None)
    assert _latency(latencies) == f"first transcript {text}, text 605 ms, audio \N{EN DASH}"
