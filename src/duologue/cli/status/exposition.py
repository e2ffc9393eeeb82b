"""Reads metrics in the text format of Prometheus.

https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md#text-based-format
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

__all__ = ["Labels", "Samples", "read_exposition"]

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, in the order of the names."""

Samples: TypeAlias = Mapping[str, Mapping[Labels, float]]
"""By the name of the sample, and its labels."""

_MAX_LINE_CHARACTERS: Final = 4096
"""Names and labels of a sample: a caller's name is the longest of them."""

_MAX_SAMPLES: Final = 100_000
"""Ten times what a server with a thousand named callers prints."""

_OURS: Final = "duologue_"

# Linear-time patterns: no part of one can match what the next part matches.
_SAMPLE: Final = re.compile(r"(duologue_\w{1,200})(?:\{(.*)\})? (\S{1,40})(?: -?\d{1,20})?")
_LABEL: Final = re.compile(r'([A-Za-z_]\w{0,100})="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n"}


def read_exposition(text: str) -> Samples:
    """The finite samples of duologue. Raises ValueError if one of their lines is none, or if there is none of them."""
    samples: dict[str, dict[Labels, float]] = {}
    n_samples = 0
    for line in text.split("\n"):  # labels may hold other separators
        if not line.startswith(_OURS):
            continue  # comments, and metrics of the process
        n_samples += 1
        found = _SAMPLE.fullmatch(line) if len(line) <= _MAX_LINE_CHARACTERS else None
        if found is None or n_samples > _MAX_SAMPLES:
            raise ValueError("too many samples" if n_samples > _MAX_SAMPLES else "a line that is no sample")
        value = float(found[3])
        if math.isfinite(value):
            samples.setdefault(found[1], {})[_labels(found[2] or "")] = value
    if not samples:
        raise ValueError("no metric of a duologue server")
    return samples


def _labels(text: str) -> Labels:
    return tuple(sorted(_pairs(text)))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if found is None:
            raise ValueError("labels that are none")
        yield found[1], _ESCAPED.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), found[2])
        at = found.end()
