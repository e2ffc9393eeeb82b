"""The tables of rules, and what decides each of them."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

from duologue import catalogue
from duologue.conformance.rulebook.invariants import INVARIANTS
from duologue.conformance.rulebook.rules import GROUPS, LEVELS, errors, rules, sequences, sources
from duologue.conformance.scenarios import SCENARIOS

_ELSEWHERE = {"beta", "translation", "live.basic", "live.delegation"}


def test_every_rule_is_decided_by_a_scenario_or_an_invariant_or_says_why_not() -> None:
    decided = {rule_id for scenario in SCENARIOS for rule_id in scenario.decides} | INVARIANTS.keys()
    skipped = {rule_id for rule_id, rule in rules().items() if rule.skip}
    assert decided | skipped == rules().keys()
    assert not decided & skipped


def test_every_invariant_has_a_rule_of_its_group() -> None:
    assert [rule_id for rule_id, rule in rules().items() if rule.group == "invariants"] == list(INVARIANTS)


def test_scenarios_have_distinct_names_and_docstrings() -> None:
    assert [name for name, times in Counter(each.name for each in SCENARIOS).items() if times > 1] == []
    assert all(scenario.play.__doc__ for scenario in SCENARIOS)


def test_every_source_has_public_pages_and_belongs_to_a_rule() -> None:
    assert {rule.source for rule in rules().values()} == sources().keys()
    for pages in sources().values():
        assert pages
        assert all(urlsplit(page).scheme == "https" and urlsplit(page).hostname for page in pages)


def test_rules_have_a_title_and_a_level() -> None:
    for rule in rules().values():
        assert rule.title
        assert rule.group in GROUPS
        assert rule.weight == (rule.level or LEVELS[rule.provenance])


def test_patterns_can_be_read_and_name_events_that_exist() -> None:
    known = {(each.direction, name) for each in catalogue.events() for name in (each.wire, *each.aliases)}
    sides = {"C": "client", "S": "server"}
    for rule_id, rule in sequences().items():
        for group in rule.pattern.groups:
            for step in group:
                if rule_id not in _ELSEWHERE and rule.era != "beta":
                    assert (sides[step.side], step.type) in known, rule_id


def test_what_an_error_rule_provokes_is_sent_as_it_stands() -> None:
    provoked = {rule_id: rule.provoke for rule_id, rule in errors().items() if rule.provoke}
    assert len(provoked) > 15
    assert all(not rule.skip for rule_id, rule in errors().items() if rule_id in provoked)
