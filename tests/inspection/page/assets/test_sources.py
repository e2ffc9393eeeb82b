"""The scripts of the page: their types, and what none of them may use."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import duologue.inspection.page

_ASSETS: Final = Path(duologue.inspection.page.__file__).parent / "assets"
_TSC: Final = Path(sys.prefix) / "npm" / "node_modules" / "typescript" / "bin" / "tsc"
_OPTIONS: Final = (
    "--allowJs --checkJs --strict --noUncheckedIndexedAccess --noEmit --target es2022 --lib es2023,dom,dom.iterable"
)
_SCRIPTS: Final = sorted(_ASSETS.glob("*.js"))
_LONGEST: Final = 650
"""Lines of one script: the lanes, which draw ten kinds of things, have the most."""


def test_the_types_are_sound() -> None:
    node = shutil.which("node")
    if node is None or not _TSC.is_file():
        pytest.skip("node or typescript is not installed: make test installs the packages of tests/compat/package.json")
    checked = subprocess.run(
        [node, str(_TSC), *_OPTIONS.split(), *map(str, _SCRIPTS)],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert checked.stdout == ""
    assert checked.returncode == 0


def test_every_script_is_in_the_page_once_and_checked() -> None:
    page = (_ASSETS / "page.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'<script src="([a-z_]+\.js)"></script>', page)) == [path.name for path in _SCRIPTS]
    for path in _SCRIPTS:
        assert path.read_text(encoding="utf-8").startswith("// @ts-check\n'use strict';\n"), path.name


_FORBIDDEN: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function"
    r"|setAttribute\('(on|href|src|style)|\.(src|href|cssText) =|</script|<!--|https?:"
    r"|localStorage|sessionStorage|document\.cookie|@ts-ignore|@ts-nocheck"
)


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: str(path.name))
def test_no_script_makes_html_or_addresses_of_what_a_call_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _FORBIDDEN.findall(text) == []
    assert text.count("\n") <= _LONGEST


def test_the_styles_load_nothing() -> None:
    for style in _ASSETS.glob("*.css"):
        assert re.findall(r"url\(|@import|https?:", style.read_text(encoding="utf-8")) == []
