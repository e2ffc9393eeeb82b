"""Frames as each vendor sends them, made up for these tests: one JSON object a line, in a file per dialect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

__all__ = ["VENDOR_FRAMES"]


def _frames(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


VENDOR_FRAMES: Final[dict[str, list[dict[str, Any]]]] = {
    path.stem: _frames(path) for path in sorted((Path(__file__).parent / "frames").glob("*.jsonl"))
}
"""By dialect, in the order of a session where there is one."""
