"""Prints the findings of `duologue conform`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duologue.codec.jsontext import write_text
from duologue.conformance import GROUPS, Family, Finding, Outcome, Report, rules
from duologue.printable import printable, printable_json

__all__ = ["list_rules", "print_json", "print_matrix"]

_SIGNS: Final[Mapping[Outcome, tuple[str, str]]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "inconclusive": ("?", "yellow"),
    "skipped": ("–", "dim"),
}
_WIDE: Final = 200
"""Columns without a terminal: one line for each rule can be searched."""


def list_rules(family: Family, only: Collection[str], *, json: bool) -> None:
    """Print all rules of a family, or those in `only`."""
    chosen = [rule for rule in rules(family).values() if not only or rule.id in only]
    if json:
        findings = [Finding(rule=rule, outcome="skipped").as_json() for rule in chosen]
        kept = ("rule", "family", "group", "title", "level", "provenance", "source", "links")
        print(
            printable_json(write_text({"rules": [{name: each[name] for name in kept} for each in findings]}).decode())
        )
        return
    width = max((len(rule.id) for rule in chosen), default=0)
    for group, members in groupby(chosen, key=lambda rule: rule.group):
        print(f"\n{GROUPS[group]}")
        for rule in members:
            print(f"  {rule.id:{width}}  {rule.weight:13}  {rule.title}")


def print_json(report: Report) -> None:
    """Print one object: the verdict, the counts, the findings."""
    findings = [each.as_json() for each in report.findings]
    content = {"holds": report.holds, "counts": dict(report.counts()), "findings": findings}
    print(printable_json(write_text(content).decode()))


def print_matrix(report: Report) -> None:
    """Print a table for each group of rules, the pages that describe the rules that fail, and the verdict."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    width = max((len(each.rule.id) for each in report.findings), default=0)
    for group, members in groupby(report.findings, key=lambda each: each.rule.group):
        console.print(Text(f"\n{GROUPS[group]}", "bold"))
        table = Table.grid(padding=(0, 2), expand=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=width)
        table.add_column(no_wrap=True, min_width=len("informational"))
        table.add_column(overflow="fold")
        for each in members:
            table.add_row(*_row(each))
        console.print(table)
    if pages := {each.rule.source: each.rule.links[0] for each in report.findings if each.outcome == "failed"}:
        console.print(Text("\nWhere these rules are published", "bold"))
        for source, page in sorted(pages.items()):
            console.print(Text(f"  {source}: {page}"), soft_wrap=True)
    console.print(Text(f"\n{_verdict(report)}", "green" if report.holds else "bold red"))


def _row(finding: Finding) -> tuple[Text, ...]:
    sign, style = _SIGNS[finding.outcome]
    words = Text(finding.rule.title)
    if finding.outcome != "passed" and finding.seen:
        words.append(f" – {printable(finding.seen)}", style)
    return Text(sign, style), Text(finding.rule.id), Text(finding.rule.weight, "dim"), words


def _verdict(report: Report) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts().items() if count)
    required = [each for each in report.findings if each.rule.weight == "required" and each.outcome != "skipped"]
    passed = sum(each.outcome == "passed" for each in required)
    return f"{counts or 'nothing to decide'}; of the required rules that apply, {passed} of {len(required)} hold."
