"""Servers with one fault each: they fail the rules about the fault, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from duologue.conformance import ConnectOptions, Family, Settings, run
from tests.conformance._servers import Change, Serve, everywhere, realtime, serving

HASTY = Settings(timeout=0.3, pace=0)


def faults(*cases: tuple[str, Change, str, str]) -> pytest.MarkDecorator:
    """Cases of a name, a change of the server's events, a rule whose scenario runs, and the rules that fail."""
    return pytest.mark.parametrize(("change", "only", "rules"), [pytest.param(*each[1:], id=each[0]) for each in cases])


async def failed(
    change: Change | None,
    *only: str,
    settings: Settings = HASTY,
    family: Family = "realtime",
    serve: Serve = realtime,
    closes: bool = True,
    where: Callable[[ConnectOptions], bool] = everywhere,
) -> set[str]:
    """The rules that fail with this change; the scenarios of the rules in `only` run."""
    async with serving(change, serve=serve, closes=closes, where=where) as open_transport:
        report = await run(open_transport, family=family, only=only, settings=settings)
    return {rule_id for rule_id, finding in report.found.items() if finding.outcome == "failed"}
