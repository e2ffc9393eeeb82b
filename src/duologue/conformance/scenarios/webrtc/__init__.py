"""What the suite does with a server over WebRTC alone; most other scenarios run over calls too."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios.base import Scenario
from duologue.conformance.scenarios.webrtc import control, creation, pages, playback, sidebands

__all__ = ["WEBRTC_SCENARIOS"]

WEBRTC_SCENARIOS: Final[tuple[Scenario, ...]] = (
    *creation.SCENARIOS,
    *pages.SCENARIOS,
    *playback.SCENARIOS,
    *sidebands.SCENARIOS,
    *control.SCENARIOS,
)
