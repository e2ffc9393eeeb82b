"""Prepare the pages and build the site; a broken link is an error.

python -m website            writes build/site
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from website.pages import ROOT, prepare
from website.settings import settings

BUILD: Final = ROOT / "build"
CONFIGURATION: Final = BUILD / "zensical.toml"


def main() -> None:
    """Build it."""
    for folder in ("pages", "site"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    prepare(BUILD / "pages")
    CONFIGURATION.write_text(settings(ROOT), encoding="utf-8")
    generator = Path(sys.executable).with_name("zensical")
    built = subprocess.run(
        [generator, "build", "--strict", "--clean", "--config-file", CONFIGURATION], cwd=BUILD, check=False
    )
    sys.exit(built.returncode)


if __name__ == "__main__":
    main()
