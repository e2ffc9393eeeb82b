"""Reports of several servers side by side, as tables of a page of documentation.

Run `duologue conform URL --json > ours.json` for each server and family, and then
`python -m duologue.conformance.reports.matrix docs/conformance.md "our server=ours.json" …` to write the tables of the
families that the files are about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from duologue.conformance.reports.report import Outcome
from duologue.conformance.rulebook.rules import FAMILIES, GROUPS, Level, rules
from duologue.conformance.wire.connector import Family

__all__ = ["Column", "markers", "matrix", "rewrite"]

_SIGNS: Final[Mapping[Outcome, str]] = {"passed": "✓", "failed": "✗", "inconclusive": "?", "skipped": "–"}


class _Decided(msgspec.Struct, frozen=True):
    rule: str
    family: Family
    level: Level
    outcome: Outcome
    seen: str = ""


class Column(msgspec.Struct, frozen=True):
    """The part of what `duologue conform --json` prints that a table needs."""

    holds: bool
    findings: tuple[_Decided, ...]

    @classmethod
    def of(cls, report: object) -> Column:
        """From the JSON of a report. Raises `msgspec.ValidationError` for other JSON."""
        return msgspec.convert(report, cls)

    def about(self, family: Family) -> bool:
        """Whether it is of a run with this family."""
        return any(each.family == family for each in self.findings)

    def by_rule(self) -> Mapping[str, _Decided]:
        """The findings by the id of their rule."""
        return {each.rule: each for each in self.findings}


def matrix(family: Family, columns: Mapping[str, Column]) -> str:
    """A table for each group of rules, and below them what was seen of each rule that failed or is inconclusive."""
    return "\n".join(_lines(family, columns)) + "\n"


def markers(family: Family) -> tuple[str, str]:
    """The lines of a page between which the tables of a family stand."""
    return f"<!-- matrix of {family}: begin -->", f"<!-- matrix of {family}: end -->"


def rewrite(page: str, family: Family, columns: Mapping[str, Column]) -> str:
    """The page with new tables between the family's markers. Raises ValueError if it has none."""
    begin, end = markers(family)
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n\n{matrix(family, columns)}\n{end}{after}"


def _lines(family: Family, columns: Mapping[str, Column]) -> Iterator[str]:
    found = {name: column.by_rule() for name, column in columns.items()}
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for level in ("required", "recommended", "informational"):
        yield f"| {level} rules that hold | {' | '.join(_share(column, level) for column in columns.values())} |"
    for group, members in groupby(rules(family).values(), key=lambda rule: rule.group):
        yield from ("", f"### {FAMILIES[family]}: {GROUPS[group][0].lower()}{GROUPS[group][1:]}", "")
        yield f"| rule | level | what it says | source | {' | '.join(columns)} |"
        yield f"|---|---|---|---|{'---|' * len(columns)}"
        for rule in members:
            signs = [_SIGNS[each[rule.id].outcome] if rule.id in each else " " for each in found.values()]
            source = f"[{rule.source}]({rule.links[0]})"
            yield f"| `{rule.id}` | {rule.weight} | {rule.title} | {source} | {' | '.join(signs)} |"
    for name, column in columns.items():
        yield from _remarks(family, name, column)


def _share(column: Column, level: str) -> str:
    applying = [each for each in column.findings if each.level == level and each.outcome != "skipped"]
    return f"{sum(each.outcome == 'passed' for each in applying)} of {len(applying)}"


def _remarks(family: Family, name: str, column: Column) -> Iterator[str]:
    remarks = [each for each in column.findings if each.outcome in ("failed", "inconclusive")]
    yield from ("", f"### {FAMILIES[family]}: what was seen of {name}", "")
    if not remarks:
        yield "Every rule that applies holds."
    for each in remarks:
        yield f"- {_SIGNS[each.outcome]} `{each.rule}`: {each.seen}"


def _main(arguments: Sequence[str]) -> None:
    page, *named = arguments
    read = [(name, Column.of(msgspec.json.decode(Path(file).read_bytes()))) for name, _, file in map(_parted, named)]
    path = Path(page)
    text = path.read_text(encoding="utf-8")
    for family in FAMILIES:
        if columns := {name: column for name, column in read if column.about(family)}:
            text = rewrite(text, family, columns)
    path.write_text(text, encoding="utf-8")


def _parted(argument: str) -> tuple[str, str, str]:
    return argument.partition("=")


if __name__ == "__main__":
    _main(sys.argv[1:])
