"""Runs scenarios against a server and reports what they find."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from duologue.conformance.outcomes import SHAPE_ERRORS, NotApplicable, Undecided, Violation, malformed
from duologue.conformance.reports.report import Outcome, Report
from duologue.conformance.rulebook.any_session import Check
from duologue.conformance.rulebook.invariants import INVARIANTS
from duologue.conformance.rulebook.rules import FAMILIES, rules
from duologue.conformance.scenario_context import ScenarioContext, Settings
from duologue.conformance.scenarios import SCENARIOS, Scenario
from duologue.conformance.wire.call_opener import CallOpener
from duologue.conformance.wire.connector import ConnectOptions, Family, Medium, OpenTransport
from duologue.conformance.wire.trace import Trace

__all__ = ["run"]

_STANDARD = Settings()


async def run(
    open_transport: OpenTransport,
    *,
    family: Family = "realtime",
    only: Collection[str] = (),
    settings: Settings = _STANDARD,
    watch: Callable[[Scenario], None] | None = None,
) -> Report:
    """Run the scenarios one after the other and report which rules the server keeps.

    `open_transport` is called for each connection with its `ConnectOptions`; it leads to the endpoint of the `family`.
    A `CallOpener` makes it a run over WebRTC, of family "realtime" alone.
    `only` names the rules to decide: the
    scenarios that decide none of them are left out, and invariants are checked in the others. `watch` is called with
    each scenario before it starts. Cancelling closes the open connection.

    Raises:
        ConnectFailed: the server cannot be reached at all.
        KeyError: the family has no rule of this id.
        ValueError: calls of a family that has none.
    """
    if family != "realtime" and isinstance(open_transport, CallOpener):
        raise ValueError(f"sessions of {FAMILIES[family]} are not tried over WebRTC")
    table = rules(family)
    wanted = set(only) or set(table)
    if unknown := sorted(wanted - set(table)):
        raise KeyError(f"there is no rule {', '.join(unknown)}")
    medium: Medium = "websocket"
    if isinstance(open_transport, CallOpener):
        medium = "webrtc"
        await open_transport.reach(settings.timeout)
    else:
        await (await open_transport(ConnectOptions())).close()
    report = Report(asked=tuple(rule_id for rule_id in table if rule_id in wanted))
    for rule in table.values():
        if reason := rule.skipped(medium):
            report.record(rule.id, "skipped", reason)
    traces: list[Trace] = []
    for scenario in _chosen(family, {each for each in wanted if not table[each].skipped(medium)}):
        if watch is not None:
            watch(scenario)
        context = ScenarioContext(scenario.name, open_transport, settings, report, family=family)
        traces += await _play(scenario, context)
    for trace in traces:
        _check(
            trace,
            {each: check for each, check in INVARIANTS[family].items() if not table[each].skipped(medium)},
            report,
        )
    return report


def _chosen(family: Family, wanted: set[str]) -> Sequence[Scenario]:
    """Scenarios that decide these rules; all of them if only invariants are wanted, which every trace can show."""
    chosen = [each for each in SCENARIOS[family] if wanted & set(each.decides)]
    return SCENARIOS[family] if not chosen and wanted & INVARIANTS[family].keys() else chosen


async def _play(scenario: Scenario, context: ScenarioContext) -> list[Trace]:
    settings, report = context.settings, context.report
    outcome: Outcome = "inconclusive"
    reason = "the scenario does not decide it"
    try:
        async with asyncio.timeout(settings.scenario_timeout):
            await scenario.play(context)
    except (Violation, Undecided) as fault:
        reason = str(fault)
    except NotApplicable as fault:
        outcome, reason = "skipped", str(fault)
    except SHAPE_ERRORS as fault:
        reason = malformed(fault)
    except TimeoutError:
        reason = f"the scenario was not over within {settings.scenario_timeout:g} s"
    for rule_id in scenario.decides:
        if rule_id not in report.found:
            context.record(rule_id, outcome, reason)
    return context.traces


def _check(trace: Trace, invariants: Mapping[str, Check], report: Report) -> None:
    for rule_id, check in invariants.items():
        try:
            for fault in check(trace):
                report.record(rule_id, "passed" if fault is None else "failed", fault or "", scenario=trace.name)
        except SHAPE_ERRORS as fault:
            report.record(rule_id, "failed", malformed(fault), scenario=trace.name)
