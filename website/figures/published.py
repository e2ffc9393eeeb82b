"""The published figures: read, written as pages quote them, and brought up to date from what benchmarks print."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import msgspec

__all__ = ["Figure", "Published", "Quote", "read_published", "updated"]

_PERCENT: Final = " %"
_EXPRESSION: Final = re.compile(r"(?P<first>[\w.]+)(?: (?P<sign>[*/]) (?P<second>[\w.]+))?")


class Figure(float):
    """A number that is formatted as a share too: `.0 %` of 0.23 is "23 %"."""

    def __format__(self, form: str) -> str:
        if form.endswith(_PERCENT):
            return format(100 * float(self), f"{form.removesuffix(_PERCENT)}f") + _PERCENT
        return format(float(self), form)


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Words of a page that hold figures."""

    page: str
    text: str
    """A format string over the benchmarks."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What bench/published.toml holds."""

    machine: str
    days: Mapping[str, str]
    """By benchmark: the day from which the docs have its figures, as in 2026-11-29."""
    figures: Mapping[str, Mapping[str, Figure]]
    """By benchmark, then by the key that it prints."""
    groups: list[dict[str, Any]]
    plots: list[dict[str, Any]]
    quotes: list[Quote]

    def written(self, text: str) -> str:
        """A text with the figures that its placeholders name: `{bench.key:.2f}`."""
        return text.format(**{name: SimpleNamespace(**figures) for name, figures in self.figures.items()})

    def value(self, expression: str) -> float:
        """A figure, or the product or the quotient of two: `bench.key / bench.other`, `100 * bench.key`."""
        found = _EXPRESSION.fullmatch(expression)
        if found is None:
            raise ValueError(f"not a figure, nor a product or a quotient of two: {expression}")
        first = self._operand(found["first"])
        match found["sign"]:
            case "*":
                return first * self._operand(found["second"])
            case "/":
                return first / self._operand(found["second"])
            case _:
                return first

    def _operand(self, name: str) -> float:
        if name.isdecimal():
            return float(name)
        bench, _, key = name.partition(".")
        return float(self.figures[bench][key])


def read_published(text: str) -> Published:
    """Read the file. Raises tomllib.TOMLDecodeError, KeyError."""
    plain = tomllib.loads(text)
    return Published(
        machine=plain["machine"],
        days={name: table["published"] for name, table in plain["bench"].items()},
        figures={
            name: {key: Figure(value) for key, value in table.items() if key != "published"}
            for name, table in plain["bench"].items()
        },
        groups=plain["group"],
        plots=plain["plot"],
        quotes=[Quote(**each) for each in plain["quote"]],
    )


def updated(text: str, results: Path, *, day: str) -> str:
    """The file with the figures of the results that are there, `NAME.json` of each benchmark; all else as it was."""
    for result in sorted(results.glob("*.json")):
        table = re.search(rf"^\[bench\.{result.stem}\]\n(?:.+\n)+", text, re.MULTILINE)
        if table is None:
            continue
        printed = msgspec.json.decode(result.read_bytes(), type=dict[str, float | str])
        lines = [_line(line, printed, day) for line in table[0].splitlines(keepends=True)]
        text = text[: table.start()] + "".join(lines) + text[table.end() :]
    return text


def _line(line: str, printed: Mapping[str, float | str], day: str) -> str:
    key = line.partition(" = ")[0]
    if key == "published":
        return f'published = "{day}"\n'
    return f"{key} = {printed[key]}\n" if key in printed else line
