"""What the suite does with a server, scenario by scenario; each has a connection of its own."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios import beta, interruptions, items, sessions
from duologue.conformance.scenarios import function_calls as calls
from duologue.conformance.scenarios import out_of_band as asides
from duologue.conformance.scenarios import rejections as refusals
from duologue.conformance.scenarios import responses as answers
from duologue.conformance.scenarios import speech_turns as speaking
from duologue.conformance.scenarios import transcription as transcripts
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
