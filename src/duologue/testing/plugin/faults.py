"""Marker: faults that come on the way between a test's client and the server of a fixture.

@pytest.mark.realtime_faults("close code=1001 on=response.created")
async def test_my_agent_asks_again(realtime_app):
    …
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import pytest

from duologue.testing.plugin.artifacts import attach

if TYPE_CHECKING:
    from duologue.faults import FaultPlan

__all__ = ["FaultEvidence", "faults_of", "pytest_configure"]

_MARKER: Final = "realtime_faults"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f'{_MARKER}("fault", ..., seed=None): faults on the way to realtime_server, realtime_app, scripted_server and'
        ' realtime_cassette, such as "drop on=response.done"; without a seed it is made of the test\'s name.',
    )


class FaultEvidence:
    """The faults of a test, and which of them came."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def sections(self) -> list[tuple[str, str]]:
        """What came, and the seed that brings it again."""
        came = [str(fired) for fired in self._plan.fired] or ["none of them came"]
        return [(f"duologue faults, seed={self._plan.seed}", "\n".join(came))]

    def save(self, folder: Path) -> list[Path]:
        """Nothing: they are in the test."""
        return []

    def close(self) -> None:
        """Nothing to close."""


def faults_of(item: pytest.Item) -> FaultPlan | None:
    """The faults that the markers of a test name, one plan for all its servers; None: it has no such marker."""
    markers = list(item.iter_markers(_MARKER))
    if not markers:
        return None
    if (known := item.stash.get(_PLAN, None)) is not None:
        return known
    from duologue.faults import FaultPlan

    seeds = [seed for marker in markers if (seed := marker.kwargs.get("seed")) is not None]
    try:
        if wrong := sorted({name for marker in markers for name in marker.kwargs} - {"seed"}):
            raise ValueError(f"there is no {', '.join(wrong)}; it takes faults, and seed")
        texts = [fault for marker in markers for fault in marker.args]
        plan = FaultPlan(texts, seed=seeds[0] if seeds else crc32(item.nodeid.encode()))
    except ValueError as fault:
        raise pytest.fail.Exception(f"@pytest.mark.{_MARKER}: {fault}", pytrace=False) from None
    item.stash[_PLAN] = plan
    attach(item, FaultEvidence(plan))
    return plan


_PLAN: Final = pytest.StashKey["FaultPlan"]()
