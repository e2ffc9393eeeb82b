"""How the findings of `duologue conform` are printed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duologue.cli.failures import printable
from duologue.codec.jsontext import write_text
from duologue.conformance import GROUPS, Finding, Outcome, Report, rules

__all__ = ["list_rules", "print_json", "print_markdown", "print_matrix"]

_MARKS: Final[Mapping[Outcome, tuple[str, str]]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "inconclusive": ("?", "yellow"),
    "skipped": ("–", "dim"),
}


def list_rules(only: Collection[str], *, json: bool) -> None:
    """Print the rules: all of them, or those named."""
    chosen = [rule for rule in rules().values() if not only or rule.id in only]
    if json:
        findings = [Finding(rule=rule, outcome="skipped").as_json() for rule in chosen]
        kept = ("rule", "group", "title", "level", "mark", "source")
        print(write_text({"rules": [{name: each[name] for name in kept} for each in findings]}).decode())
        return
    width = max((len(rule.id) for rule in chosen), default=0)
    for group, members in groupby(chosen, key=lambda rule: rule.group):
        print(f"\n{GROUPS[group]}")
        for rule in members:
            print(f"  {rule.id:{width}}  {rule.weight:13}  {rule.title}")


def print_json(report: Report) -> None:
    """One object: the verdict, the counts, the findings."""
    findings = [each.as_json() for each in report.findings]
    print(write_text({"holds": report.holds, "counts": dict(report.counts()), "findings": findings}).decode())


def print_matrix(report: Report) -> None:
    """A table for each group of rules, and the verdict below."""
    console = Console(highlight=False)
    for group, members in groupby(report.findings, key=lambda each: each.rule.group):
        table = Table(title=GROUPS[group], title_justify="left", box=None, pad_edge=False)
        for column, wrap in (("", False), ("rule", False), ("level", False), ("", True)):
            table.add_column(column, no_wrap=not wrap)
        for each in members:
            mark, style = _MARKS[each.outcome]
            words = each.rule.title if each.outcome == "passed" else f"{each.rule.title}: {printable(each.seen)}"
            table.add_row(Text(mark, style), Text(each.rule.id), Text(each.rule.weight, "dim"), Text(words))
        console.print(table)
        console.print()
    console.print(Text(_verdict(report), "green" if report.holds else "bold red"))


def print_markdown(report: Report) -> None:
    """The same for a page of documentation."""
    for group, members in groupby(report.findings, key=lambda each: each.rule.group):
        print(f"### {GROUPS[group]}\n\n| | rule | level | what it says | what was seen |\n|---|---|---|---|---|")
        for each in members:
            seen = printable(each.seen).replace("|", "\\|")
            mark = _MARKS[each.outcome][0]
            print(f"| {mark} | `{each.rule.id}` | {each.rule.weight} | {each.rule.title} | {seen} |")
        print()
    print(_verdict(report))


def _verdict(report: Report) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts().items() if count)
    required = [each for each in report.findings if each.rule.weight == "required" and each.outcome != "skipped"]
    passed = sum(each.outcome == "passed" for each in required)
    return f"{counts or 'nothing to decide'}; of the required rules that apply, {passed} of {len(required)} hold."
