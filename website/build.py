"""Preparing the pages and building the site from them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from website.pages import ROOT, prepare
from website.settings import settings

__all__ = ["build"]


def build(folder: Path) -> Path:
    """Build the site in a folder, and return where its pages are: `site` in that folder.

    Raises SystemExit where a link or its anchor leads nowhere; the generator has named it on standard output.
    """
    for made in ("pages", "site"):
        shutil.rmtree(folder / made, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder / "pages")
    configuration = folder / "zensical.toml"
    configuration.write_text(settings(ROOT), encoding="utf-8")
    generator = Path(sys.executable).with_name("zensical")
    command: list[str | Path] = [generator, "build", "--strict", "--clean", "--config-file", configuration]
    if code := subprocess.run(command, cwd=folder, check=False).returncode:
        raise SystemExit(code)
    return folder / "site"
