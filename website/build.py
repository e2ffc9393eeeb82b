"""Preparing the pages and building the site from them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from website.pages import ROOT, prepare
from website.settings import settings

__all__ = ["build"]

_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")


def build(folder: Path) -> Path:
    """Build the site in a folder, and return where its pages are: `site` in that folder.

    Raises SystemExit where a link or its anchor leads nowhere; the generator has named it on standard error.
    """
    for made in ("pages", "site"):
        shutil.rmtree(folder / made, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder / "pages")
    configuration = folder / "zensical.toml"
    configuration.write_text(settings(ROOT), encoding="utf-8")
    generator = Path(sys.executable).with_name("zensical")
    command: list[str | Path] = [generator, "build", "--strict", "--clean", "--config-file", configuration]
    built = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    said = built.stderr.partition("Traceback")[0]  # behind that stands only that a warning is an error
    sys.stderr.write(said if sys.stderr.isatty() else _COLOUR.sub("", said))
    if built.returncode:
        raise SystemExit(built.returncode)
    return folder / "site"
