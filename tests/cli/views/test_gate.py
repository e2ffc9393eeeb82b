"""Findings as XML, whatever they quote."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from duologue.cli.views.gate import gate_json, junit_xml, lines_of_findings
from duologue.inspection.gate import Judgement


@given(st.text(), st.booleans(), st.lists(st.text(), max_size=2))
def test_the_xml_is_well_formed_and_has_a_case_for_each_limit(sentence: str, holds: bool, problems: list[str]) -> None:
    found = Judgement(figure="errors", threshold="count<=0", holds=holds, value=1, count=1, sentence=sentence)
    root = fromstring(junit_xml([found, found], problems))
    assert len(root.findall("testsuite/testcase")) == 2 + len(problems)
    assert len(root.findall("testsuite/testcase/failure")) == (0 if holds else 2)
    assert len(root.findall("testsuite/testcase/error")) == len(problems)
    assert root.get("tests") == str(2 + len(problems))
    assert gate_json([found], ["a"], problems)["holds"] == (holds and not problems)
    assert all(line.isprintable() for line in lines_of_findings([found]))
