"""Does a server speak the protocol? A suite that anyone can run against any realtime server.

report = await run(open_endpoint_of(url), only=["response.text"])
assert report.holds, report.unmet

The rules are data (`rules`): what each says, where it is published, and how it is known. Each family of sessions,
Realtime, Live and translation, has its own. `duologue conform URL` runs them from a shell.
"""

from __future__ import annotations

from duologue.conformance.outcomes import NotApplicable
from duologue.conformance.reports.report import Finding, Outcome, Report
from duologue.conformance.rulebook.rules import FAMILIES, GROUPS, Level, Rule, rules
from duologue.conformance.runner import run
from duologue.conformance.scenario_context import Settings
from duologue.conformance.scenarios import Scenario
from duologue.conformance.wire.call_opener import CallOpener
from duologue.conformance.wire.connector import ConnectOptions, Family, OpenTransport
from duologue.conformance.wire.url_connector import open_endpoint_of

__all__ = [
    "FAMILIES",
    "GROUPS",
    "CallOpener",
    "Family",
    "Finding",
    "Level",
    "NotApplicable",
    "OpenTransport",
    "ConnectOptions",
    "Outcome",
    "Report",
    "Rule",
    "Scenario",
    "Settings",
    "open_endpoint_of",
    "rules",
    "run",
]
