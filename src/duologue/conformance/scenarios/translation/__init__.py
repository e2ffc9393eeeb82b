"""The scenarios of translation."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios.base import Scenario
from duologue.conformance.scenarios.translation import refusals, sessions, speech

__all__ = ["TRANSLATION_SCENARIOS"]

TRANSLATION_SCENARIOS: Final[tuple[Scenario, ...]] = (
    *sessions.SCENARIOS,
    *speech.SCENARIOS,
    *refusals.SCENARIOS,
)
