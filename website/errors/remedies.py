"""What to do about each error, from the file that has the sentences."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

__all__ = ["Remedies", "differences", "read_remedies"]

Remedies = Mapping[str, Mapping[str, str]]
"""By section of the file, then by the name of the error."""

_FILE: Final = Path(__file__).with_name("remedies.toml")


def read_remedies() -> Remedies:
    """All of them."""
    read: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return read


def differences(section: Mapping[str, str], names: Iterable[object]) -> list[str]:
    """What is wrong with a section: names without a sentence, and sentences without their name."""
    wanted = {str(name) for name in names}
    return [f"nothing says what to do about {name}" for name in sorted(wanted - section.keys())] + [
        f"there is no {name} any more" for name in sorted(section.keys() - wanted)
    ]
