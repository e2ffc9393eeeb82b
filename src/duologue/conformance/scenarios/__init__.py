"""The scenarios: what the suite does with a server. Each scenario opens its own connections."""

from __future__ import annotations

from collections.abc import Mapping
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
from duologue.conformance.scenarios.live import LIVE_SCENARIOS
from duologue.conformance.scenarios.translation import TRANSLATION_SCENARIOS
from duologue.conformance.scenarios.webrtc import WEBRTC_SCENARIOS
from duologue.conformance.wire.connector import Family

__all__ = ["SCENARIOS", "Scenario"]

_REALTIME: Final[tuple[Scenario, ...]] = (
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
    *WEBRTC_SCENARIOS,
)

SCENARIOS: Final[Mapping[Family, tuple[Scenario, ...]]] = {
    "realtime": _REALTIME,
    "live": LIVE_SCENARIOS,
    "translation": TRANSLATION_SCENARIOS,
}
