"""The pages as the generator gets them: those of docs/, and files of the repository that are pages of the site too."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "prepare"]

ROOT: Final = Path(__file__).parent.parent

FILES: Final = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "THREAT_MODEL.md": "threat-model.md",
    "VERSIONING.md": "versioning.md",
}
"""Files beside docs/, and the pages they become."""

_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def prepare(target: Path) -> None:
    """Write all pages and what they show into a new folder."""
    for path in sorted((ROOT / "docs").rglob("*.md")):
        source = path.relative_to(ROOT).as_posix()
        _write(target, source.removeprefix("docs/"), source)
    for source, page in FILES.items():
        _write(target, page, source)
    shutil.copytree(ROOT / "docs" / "pictures", target / "pictures")
    shutil.copytree(ROOT / "website" / "assets", target / "assets")


def _write(target: Path, page: str, source: str) -> None:
    text = (ROOT / source).read_text(encoding="utf-8")
    linked = _LINK.sub(lambda link: _moved(link, page, source), text)
    path = target / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\nsource: {source}\n---\n\n{linked}", encoding="utf-8")


def _moved(link: re.Match[str], page: str, source: str) -> str:
    """A link of a file of the repository: to a page of the site if there is one, else its words alone."""
    words, anchor = link[1], link[3] or ""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
    if name.startswith("docs/"):
        to = name.removeprefix("docs/")
    elif name in FILES:
        to = FILES[name]
    else:
        return words
    return f"[{words}]({posixpath.relpath(to, posixpath.dirname(page) or '.')}{anchor})"
