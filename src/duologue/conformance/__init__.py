"""Does a server speak the protocol? A suite that anyone can run against any realtime server.

report = await run(open_endpoint_of(url), only=["response.text"])
assert report.holds, report.unmet

The rules are data (`rules`): what they say, where they come from, how sure they are. `duologue conform URL` runs them
from a shell.
"""

from __future__ import annotations

from duologue.conformance.bench import Opening, OpenTransport, Settings
from duologue.conformance.line import NotApplicable, Undecided
from duologue.conformance.report import Finding, Outcome, Report
from duologue.conformance.rules import GROUPS, Level, Rule, rules
from duologue.conformance.running import run
from duologue.conformance.scenarios import Scenario
from duologue.conformance.sockets import open_endpoint_of

__all__ = [
    "GROUPS",
    "Finding",
    "Level",
    "NotApplicable",
    "OpenTransport",
    "Opening",
    "Outcome",
    "Report",
    "Rule",
    "Scenario",
    "Settings",
    "Undecided",
    "open_endpoint_of",
    "rules",
    "run",
]
