"""What a server prints at `/metrics`, and what expressions of Prometheus use of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from duologue.server.rejections import REJECTIONS
from duologue.server.telemetry.metrics import METRICS, Metrics
from duologue.server.workers.merged_figures import MergedFigures, families_of

__all__ = ["DEPLOY", "check_expression", "printed_samples"]

DEPLOY: Final = Path(__file__).parents[2] / "deploy"

_OF_PROMETHEUS: Final = frozenset({"instance", "job", "le"})
"""Labels that it adds."""

_SELECTOR: Final = re.compile(r"(duologue_\w+)(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_BY: Final = re.compile(r"\bby \(([^)]*)\)")


def printed_samples() -> Mapping[str, tuple[str, ...]]:
    """The names of all samples that a server prints, with their labels."""
    merged = MergedFigures()  # of `duologue serve --workers`, with two metrics of its own
    merged.report(1, families_of(Metrics().registry))
    printed: dict[str, tuple[str, ...]] = {}
    for line in merged.page()[0].decode().splitlines():
        if not line.startswith("# TYPE "):
            continue
        _, _, name, kind = line.split()
        if name.endswith("_created"):
            continue  # when a counter began
        labels = METRICS.get(name.removesuffix("_total") if kind == "counter" else name, ("", (), ""))[1]
        for sample in [f"{name}_{end}" for end in ("bucket", "count", "sum")] if kind == "histogram" else [name]:
            printed[sample] = labels
    return printed


def check_expression(expression: str) -> set[str]:
    """The names of the samples that it uses. Every name, label and reason in it must be one that a server prints."""
    printed = printed_samples()
    used: set[str] = set()
    labels: set[str] = set()
    for found in _SELECTOR.finditer(expression):
        name, matchers = found[1], found[2] or ""
        assert name in printed, f"no server prints {name}"
        used.add(name)
        labels |= {*printed[name]}
        for label, value in _MATCHER.findall(matchers):
            assert label in {*printed[name], *_OF_PROMETHEUS}, f"{name} has no label {label}"
            if label == "reason" and name == "duologue_turned_away_total":
                assert set(value.split("|")) <= set(REJECTIONS), f"there is no such reason in {value}"
    for grouped in _grouped(expression):
        assert grouped in {*labels, *_OF_PROMETHEUS}, f"nothing here has a label {grouped}: {expression}"
    return used


def _grouped(expression: str) -> Iterator[str]:
    for found in _BY.finditer(expression):
        yield from (name.strip() for name in found[1].split(","))
