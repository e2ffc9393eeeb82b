"""Findings of `duologue gate`: as lines, as JSON, and as JUnit's XML, which CI systems show as tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from duologue.inspection.gate import Judgement
from duologue.printable import printable

__all__ = ["gate_json", "junit_xml", "lines_of_findings"]

_SUITE = "duologue.gate"


def lines_of_findings(findings: Sequence[Judgement]) -> list[str]:
    """One line for each limit."""
    return [
        printable(f"{'ok  ' if each.holds else 'FAIL'}  {each.figure} {each.threshold}: {each.sentence}")
        for each in findings
    ]


def gate_json(findings: Sequence[Judgement], calls: Sequence[str], problems: Sequence[str]) -> dict[str, Any]:
    """All of it as JSON-ready data."""
    return {
        "holds": not problems and all(each.holds for each in findings),
        "calls": list(calls),
        "problems": list(problems),
        "findings": msgspec.to_builtins(findings),
    }


def junit_xml(findings: Sequence[Judgement], problems: Sequence[str]) -> bytes:
    """One test case for each limit, and one that fails for each recording that could not be read to its end."""
    failed = sum(not each.holds for each in findings)
    counts = {
        "tests": str(len(findings) + len(problems)),
        "failures": str(failed),
        "errors": str(len(problems)),
        "skipped": "0",
    }
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", {"name": _SUITE, **counts})
    for each in findings:
        case = _case(suite, f"{each.figure} {each.threshold}")
        if not each.holds:
            SubElement(case, "failure", {"message": printable(each.sentence), "type": "threshold"})
        else:
            SubElement(case, "system-out").text = printable(each.sentence)
    for problem in problems:
        SubElement(_case(suite, "recording is whole"), "error", {"message": printable(problem), "type": "recording"})
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: Element, name: str) -> Element:
    return SubElement(suite, "testcase", {"classname": _SUITE, "name": printable(name), "time": "0"})
