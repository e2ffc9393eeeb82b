"""The scenarios of Live: each opens sessions of its own, and sends audio without a break."""

from __future__ import annotations

from typing import Final

from duologue.conformance.scenarios.base import Scenario
from duologue.conformance.scenarios.live import (
    appends,
    client_delegation,
    decisions,
    endings,
    exchange,
    fixtures,
    forks,
    refusals,
    responses_delegation,
    sidebands,
    starts,
)

__all__ = ["LIVE_SCENARIOS"]

LIVE_SCENARIOS: Final[tuple[Scenario, ...]] = (
    *starts.SCENARIOS,
    *exchange.SCENARIOS,
    *appends.SCENARIOS,
    *fixtures.SCENARIOS,
    *client_delegation.SCENARIOS,
    *responses_delegation.SCENARIOS,
    *decisions.SCENARIOS,
    *sidebands.SCENARIOS,
    *forks.SCENARIOS,
    *endings.SCENARIOS,
    *refusals.SCENARIOS,
)
