"""Time passes only while every task waits."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _idle(idle_clock: None) -> None:
    """Every scenario runs on the idle clock."""
