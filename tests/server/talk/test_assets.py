"""The scripts of the page: their types, what none of them may use, and what those do that need no page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import duologue.server.talk

_ASSETS: Final = Path(duologue.server.talk.__file__).parent / "assets"
_SCRIPTS: Final = sorted(_ASSETS.glob("*.js"))
_TSC: Final = Path(sys.prefix) / "npm" / "node_modules" / "typescript" / "bin" / "tsc"
_OPTIONS: Final = (
    "--allowJs --checkJs --strict --noUncheckedIndexedAccess --noEmit --target es2022 --lib es2023,dom,dom.iterable "
    "--module es2022 --moduleResolution bundler"
)
_HERE: Final = Path(__file__).parent


def _ran(*arguments: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    ran = subprocess.run([node, *arguments], capture_output=True, text=True, check=False, encoding="utf-8")
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)


def test_the_types_are_sound() -> None:
    if not _TSC.is_file():
        pytest.skip("typescript is not installed: make test installs the packages of tests/compat/package.json")
    _ran(str(_TSC), *_OPTIONS.split(), *map(str, _SCRIPTS), str(_HERE / "worklet.d.ts"))


def test_sound_of_any_rate_becomes_the_wire_s_and_back_whatever_the_pieces() -> None:
    _ran(str(_HERE / "sound.mjs"), str(_ASSETS / "sound_worklet.js"))


def test_what_was_said_is_made_of_events() -> None:
    _ran(str(_HERE / "conversation.mjs"), str(_ASSETS / "conversation.js"))


_FORBIDDEN: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function"
    r"|setAttribute\('(on|src|style)|\.(href|cssText) =|</script|<!--|stun:|turn:|https?://[a-z]"
    r"|localStorage|sessionStorage|document\.cookie|@ts-ignore|@ts-nocheck"
)


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: str(path.name))
def test_no_script_makes_html_asks_others_or_keeps_anything(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// @ts-check\n")
    assert [found.group() for found in _FORBIDDEN.finditer(text)] == []
    assert text.count("\n") <= 500


def test_the_page_loads_its_own_files_alone() -> None:
    page = (_ASSETS / "page.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == [
        "data:,",
        "talk/colours.css",
        "talk/talk.css",
        "talk/talk.js",
    ]
    assert re.findall(r"url\(|@import|https?:", (_ASSETS / "talk.css").read_text(encoding="utf-8")) == []
