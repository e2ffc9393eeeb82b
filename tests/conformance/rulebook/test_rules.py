"""The tables of rules, and what decides each of them."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from duologue import catalogue
from duologue.conformance.rulebook.invariants import INVARIANTS
from duologue.conformance.rulebook.rules import FAMILIES, GROUPS, LEVELS, errors, rule_named, rules, sequences, sources
from duologue.conformance.scenarios import SCENARIOS
from duologue.conformance.wire.connector import Family

EACH_FAMILY = pytest.mark.parametrize("family", FAMILIES)


@EACH_FAMILY
def test_every_rule_is_decided_by_a_scenario_or_an_invariant_or_says_why_not(family: Family) -> None:
    decided = {rule_id for scenario in SCENARIOS[family] for rule_id in scenario.decides} | INVARIANTS[family].keys()
    skipped = {rule_id for rule_id, rule in rules(family).items() if rule.skip}
    assert decided | skipped == rules(family).keys()
    assert not decided & skipped


@EACH_FAMILY
def test_every_invariant_has_a_rule_of_its_group(family: Family) -> None:
    assert [id for id, rule in rules(family).items() if rule.group == "invariants"] == list(INVARIANTS[family])


def test_no_two_families_have_a_rule_of_the_same_id() -> None:
    ids = [rule_id for family in FAMILIES for rule_id in rules(family)]
    assert len(ids) == len(set(ids))
    assert all(rule_named(rule_id).id == rule_id for rule_id in ids)
    assert {rule.family for rule in rules("live").values()} == {"live"}


def test_scenarios_have_distinct_names_and_docstrings() -> None:
    scenarios = [each for family in FAMILIES for each in SCENARIOS[family]]
    assert [name for name, times in Counter(each.name for each in scenarios).items() if times > 1] == []
    assert all(scenario.play.__doc__ for scenario in scenarios)


def test_every_source_has_public_pages_and_belongs_to_a_rule() -> None:
    assert {rule.source for family in FAMILIES for rule in rules(family).values()} == sources().keys()
    for pages in sources().values():
        assert pages
        assert all(urlsplit(page).scheme == "https" and urlsplit(page).hostname for page in pages)


@EACH_FAMILY
def test_rules_have_a_title_and_a_level(family: Family) -> None:
    for rule in rules(family).values():
        assert rule.title
        assert rule.group in GROUPS
        assert rule.weight == (rule.level or LEVELS[rule.provenance])


@EACH_FAMILY
def test_patterns_can_be_read_and_name_events_that_exist(family: Family) -> None:
    entries = [each for each in catalogue.events() if each.api == family]
    known = {(each.direction, name) for each in entries for name in (each.wire, *each.aliases)}
    sides = {"C": "client", "S": "server"}
    for rule_id, rule in sequences(family).items():
        for group in rule.pattern.groups:
            for step in group:
                if rule.era != "beta":
                    assert (sides[step.side], step.type) in known, rule_id


def test_what_an_error_rule_provokes_is_sent_as_it_stands() -> None:
    provoked = {rule_id: rule.provoke for rule_id, rule in errors().items() if rule.provoke}
    assert len(provoked) > 15
    assert all(not rule.skip for rule_id, rule in errors().items() if rule_id in provoked)


def test_a_rule_of_one_medium_is_skipped_over_the_other_with_the_reason() -> None:
    assert rule_named("playback.webrtc").skipped("websocket") == "only over WebRTC"
    assert rule_named("playback.webrtc").skipped("webrtc") == ""
    assert rule_named("response.pcm").skipped("webrtc") == "only over a WebSocket"
    assert rule_named("response.text").skipped("webrtc") == rule_named("response.text").skipped("websocket") == ""
    assert rule_named("mcp.call").skipped("webrtc").startswith("needs an MCP server")


def test_what_is_about_calls_is_decided_over_webrtc_alone() -> None:
    about = [rule for id, rule in rules().items() if id.startswith(("webrtc.", "sideband.", "playback"))]
    assert len(about) > 30
    assert {rule.over for rule in about} == {"webrtc"}
