"""Names of parameters in errors, between a dialect and the canonical model."""

from __future__ import annotations

import pytest

from duologue.dialects import PROFILES
from duologue.server.dialect.parameter_names import our_parameter, their_parameter


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("session.audio.output.voice", "session.voice"),
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.instructions", "session.instructions"),
    ],
)
def test_a_parameter_has_one_name_in_each_dialect(ours: str, theirs: str) -> None:
    profile = PROFILES["openai-beta"]
    assert (their_parameter(ours, profile), our_parameter(theirs, profile)) == (theirs, ours)
