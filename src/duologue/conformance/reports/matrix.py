"""Reports of several servers side by side, as tables of a page of documentation.

Run `duologue conform URL --json > ours.json` for each server, and then
`python -m duologue.conformance.reports.matrix docs/conformance.md "our server=ours.json" …` to write the tables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from duologue.conformance.reports.report import Outcome
from duologue.conformance.rulebook.rules import GROUPS, Level, rules

__all__ = ["BEGIN", "END", "Column", "matrix", "rewrite"]

BEGIN: Final = "<!-- matrix: begin -->"
END: Final = "<!-- matrix: end -->"

_SIGNS: Final[Mapping[Outcome, str]] = {"passed": "✓", "failed": "✗", "inconclusive": "?", "skipped": "–"}


class _Decided(msgspec.Struct, frozen=True):
    rule: str
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

    def by_rule(self) -> Mapping[str, _Decided]:
        """The findings by the id of their rule."""
        return {each.rule: each for each in self.findings}


def matrix(columns: Mapping[str, Column]) -> str:
    """A table for each group of rules, and below them what was seen of each rule that failed or is inconclusive."""
    return "\n".join(_lines(columns)) + "\n"


def rewrite(page: str, columns: Mapping[str, Column]) -> str:
    """The page with new tables between the two markers. Raises ValueError if it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{matrix(columns)}\n{END}{after}"


def _lines(columns: Mapping[str, Column]) -> Iterator[str]:
    found = {name: column.by_rule() for name, column in columns.items()}
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for level in ("required", "recommended", "informational"):
        yield f"| {level} rules that hold | {' | '.join(_share(column, level) for column in columns.values())} |"
    for group, members in groupby(rules().values(), key=lambda rule: rule.group):
        yield from ("", f"### {GROUPS[group]}", "")
        yield f"| rule | level | what it says | source | {' | '.join(columns)} |"
        yield f"|---|---|---|---|{'---|' * len(columns)}"
        for rule in members:
            signs = [_SIGNS[each[rule.id].outcome] if rule.id in each else " " for each in found.values()]
            source = f"[{rule.source}]({rule.links[0]})"
            yield f"| `{rule.id}` | {rule.weight} | {rule.title} | {source} | {' | '.join(signs)} |"
    for name, column in columns.items():
        yield from _remarks(name, column)


def _share(column: Column, level: str) -> str:
    applying = [each for each in column.findings if each.level == level and each.outcome != "skipped"]
    return f"{sum(each.outcome == 'passed' for each in applying)} of {len(applying)}"


def _remarks(name: str, column: Column) -> Iterator[str]:
    remarks = [each for each in column.findings if each.outcome in ("failed", "inconclusive")]
    yield from ("", f"### What was seen: {name}", "")
    if not remarks:
        yield "Every rule that applies holds."
    for each in remarks:
        yield f"- {_SIGNS[each.outcome]} `{each.rule}`: {each.seen}"


def _main(arguments: Sequence[str]) -> None:
    page, *named = arguments
    columns: dict[str, Column] = {}
    for each in named:
        name, _, file = each.partition("=")
        columns[name] = Column.of(msgspec.json.decode(Path(file).read_bytes()))
    path = Path(page)
    path.write_text(rewrite(path.read_text(encoding="utf-8"), columns), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
