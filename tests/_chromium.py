"""The browser in which pages are tested, and programs of Debian that tests need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

__all__ = ["CHROMIUM", "need_chromium", "need_debian"]

CHROMIUM: Final = Path("/usr/bin/chromium")
"""Where Debian's package has it."""


def need_chromium() -> None:
    """Skip the test where there is no Chromium."""
    need_debian(CHROMIUM, "chromium")


def need_debian(program: Path, package: str) -> None:
    """Skip the test where there is no such program; fail in continuous integration where `.ci/debian_packages` installs
    its package."""
    if program.exists():
        return
    told = f"{program} is missing: apt-get install {package}"
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        pytest.fail(told)
    pytest.skip(told)
