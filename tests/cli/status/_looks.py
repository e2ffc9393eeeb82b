"""Looks at a server whose metrics a test has made."""

from __future__ import annotations

from typing import Any

from duologue.cli.status.exposition import read_exposition
from duologue.cli.status.server_status import Look, ServerStatus
from duologue.server.telemetry.metrics import Metrics

__all__ = ["WORKERS", "look", "status_between"]

WORKERS = "duologue_workers 2.0\nduologue_worker_restarts_total 1.0\n"


def look(metrics: Metrics, *, at_s: float = 0.0, more: str = "", **said: Any) -> Look:
    """What is read of these metrics now; `more` lines are on the page too."""
    page = metrics.page()[0].decode() + more
    return Look(at_s=at_s, unix_s=said.pop("unix_s", 0.0), samples=read_exposition(page), **said)


def status_between(before: Look, now: Look) -> ServerStatus:
    """The status of a server at http://host:8000."""
    return ServerStatus.between(before, now, url="http://host:8000")
