"""The generator's settings: those of zensical.toml, and what only the package knows: its version and its addresses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from duologue import __version__

__all__ = ["settings"]


def settings(root: Path) -> str:
    """The text of the file that the generator reads.

    Addresses are those of `[project.urls]` in pyproject.toml and stand nowhere else: without `Repository`, a page names
    the file it was made from, and with it, that is a link; without `Documentation`, no page has a canonical address.
    """
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {})
    project = {"copyright": f"duologue {__version__}, MIT licence"}
    if "Documentation" in urls:
        project["site_url"] = urls["Documentation"]
    if "Repository" in urls:
        project["repo_url"] = urls["Repository"]
    lines = [f"{key} = {_quoted(value)}" for key, value in project.items()]
    written = (root / "website" / "zensical.toml").read_text(encoding="utf-8")
    theme = root / "website" / "theme"
    head, _, rest = written.replace('"theme"', _quoted(str(theme))).partition("[project]\n")
    return f"{head}[project]\n" + "\n".join(lines) + f"\n{rest}release = {_quoted(__version__)}\n"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()  # a basic string of TOML is spelled as one of JSON
