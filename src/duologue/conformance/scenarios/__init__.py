"""What the suite does with a server, scenario by scenario; each has a connection of its own."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios import (
    answers,
    asides,
    beta,
    calls,
    interruptions,
    items,
    refusals,
    sessions,
    speaking,
    transcripts,
)
from duologue.conformance.scenarios.base import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *sessions.SCENARIOS,
    *items.SCENARIOS,
    *answers.SCENARIOS,
    *asides.SCENARIOS,
    *calls.SCENARIOS,
    *interruptions.SCENARIOS,
    *speaking.SCENARIOS,
    *transcripts.SCENARIOS,
    *refusals.SCENARIOS,
    *beta.SCENARIOS,
)
