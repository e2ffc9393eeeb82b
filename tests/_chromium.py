"""The browser in which pages are tested."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

__all__ = ["CHROMIUM", "need_chromium"]

CHROMIUM: Final = Path("/usr/bin/chromium")
"""Where Debian's package has it."""


def need_chromium() -> None:
    """Skip the test where there is none; fail in continuous integration where `.ci/debian_packages` installs it."""
    if CHROMIUM.exists():
        return
    told = f"{CHROMIUM} is missing: apt-get install chromium"
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        pytest.fail(told)
    pytest.skip(told)
