"""The files of the repository, as the tests of the house see them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "duologue"

_NOT_SOURCE = {".git", ".venv", "build", "dist", "demo", "results", "__pycache__", ".hypothesis"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository; what git ignores does not."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        found = (ROOT / name for name in listing.split("\0") if name)
    else:  # an unpacked source distribution
        found = (path for path in ROOT.rglob("*") if not _NOT_SOURCE & set(path.relative_to(ROOT).parts))
    return tuple(sorted({path for path in found if path.is_file()}))


@cache
def text_files() -> list[tuple[str, str]]:
    """Relative name and content of every file that is text."""
    found: list[tuple[str, str]] = []
    for path in files():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def modules() -> list[Path]:
    """The modules of the package."""
    return [path for path in files() if path.suffix == ".py" and PACKAGE in path.parents]
