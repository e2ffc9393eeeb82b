"""The scenarios: what the suite does with a server. Each scenario opens its own connections."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios import (
    beta,
    function_calls,
    interruptions,
    items,
    out_of_band,
    rejections,
    responses,
    sessions,
    speech_turns,
    transcription,
)
from duologue.conformance.scenarios.base import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *sessions.SCENARIOS,
    *items.SCENARIOS,
    *responses.SCENARIOS,
    *out_of_band.SCENARIOS,
    *function_calls.SCENARIOS,
    *interruptions.SCENARIOS,
    *speech_turns.SCENARIOS,
    *transcription.SCENARIOS,
    *rejections.SCENARIOS,
    *beta.SCENARIOS,
)
