"""The page that lists sessions: its types, and what it may not use."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import duologue.server.inspector

_ASSETS: Final = Path(duologue.server.inspector.__file__).parent / "assets"
_TSC: Final = Path(sys.prefix) / "npm" / "node_modules" / "typescript" / "bin" / "tsc"


def _text(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def test_the_types_are_sound() -> None:
    node = shutil.which("node")
    if node is None or not _TSC.is_file():
        pytest.skip("node or typescript is not installed: make test installs the packages of tests/compat/package.json")
    options = (
        "--allowJs --checkJs --strict --noUncheckedIndexedAccess --noEmit --target es2022 --lib es2023,dom,dom.iterable"
    )
    script = str(_ASSETS / "sessions.js")
    checked = subprocess.run(
        [node, str(_TSC), *options.split(), script], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert (checked.stdout, checked.returncode) == ("", 0)


def test_nothing_is_loaded_and_nothing_of_a_session_is_html() -> None:
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?:", _text("sessions.js"))
        == []
    )
    assert re.findall(r"url\(|@import|https?:", _text("sessions.css")) == []
    assert re.findall(r'(?:src|href)="([^"]+)"', _text("page.html")) == ["colours.css", "sessions.css", "sessions.js"]
