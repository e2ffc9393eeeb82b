"""The findings of a run, rule by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, field

from duologue.conformance.rulebook.rules import Rule, rule_named

__all__ = ["Finding", "Outcome", "Report"]

Outcome: TypeAlias = Literal["passed", "failed", "inconclusive", "skipped"]

_WEIGHT: Final[Mapping[Outcome, int]] = {"skipped": 0, "inconclusive": 1, "passed": 2, "failed": 3}
"""The heavier outcome stays: a failure outweighs a success elsewhere, and a success a case that did not occur."""


class Finding(Struct, frozen=True, kw_only=True):
    """The finding about one rule."""

    rule: Rule
    outcome: Outcome
    seen: str = ""
    """A sentence: event types and ids, never words, audio or keys."""
    scenario: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data for other programs."""
        return {
            "rule": self.rule.id,
            "family": self.rule.family,
            "group": self.rule.group,
            "title": self.rule.title,
            "level": self.rule.weight,
            "provenance": self.rule.provenance,
            "source": self.rule.source,
            "links": self.rule.links,
            "outcome": self.outcome,
            "seen": self.seen,
            "scenario": self.scenario,
        }


class Report(Struct, kw_only=True):
    """The findings of a run; `holds` is the verdict."""

    asked: tuple[str, ...] = ()
    """Ids of the rules to decide."""
    found: dict[str, Finding] = field(default_factory=dict)

    def record(self, rule_id: str, outcome: Outcome, seen: str = "", *, scenario: str = "") -> None:
        """Record an outcome of a rule. If it was decided before, the heavier outcome stays.

        Raises KeyError for an id that no rule has.
        """
        rule = rule_named(rule_id)
        before = self.found.get(rule_id)
        if before is None or _WEIGHT[outcome] > _WEIGHT[before.outcome]:
            self.found[rule_id] = Finding(rule=rule, outcome=outcome, seen=seen, scenario=scenario)

    @property
    def findings(self) -> list[Finding]:
        """One for each rule in `asked`, in the order of the tables."""
        return [self.of(rule_id) for rule_id in self.asked]

    def of(self, rule_id: str) -> Finding:
        """The finding about this rule; inconclusive if no scenario decided it."""
        undecided = Finding(rule=rule_named(rule_id), outcome="inconclusive", seen="nothing in this run decided it")
        return self.found.get(rule_id, undecided)

    def named(self, outcome: Outcome) -> frozenset[str]:
        """Ids of the rules with this outcome."""
        return frozenset(each.rule.id for each in self.findings if each.outcome == outcome)

    @property
    def unmet(self) -> list[Finding]:
        """Required rules that failed or are inconclusive."""
        return [
            each
            for each in self.findings
            if each.rule.weight == "required" and each.outcome in ("failed", "inconclusive")
        ]

    @property
    def holds(self) -> bool:
        """Whether every required rule that applies passed."""
        return not self.unmet

    def counts(self, findings: Iterable[Finding] | None = None) -> dict[Outcome, int]:
        """How many rules have each outcome."""
        counted = Counter(each.outcome for each in (self.findings if findings is None else findings))
        outcomes: tuple[Outcome, ...] = ("passed", "failed", "inconclusive", "skipped")
        return {outcome: counted[outcome] for outcome in outcomes}
