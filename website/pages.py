"""The pages as the generator gets them: those of docs/, and files of the repository that are pages of the site too.

Pages stay Markdown that reads well as a file. What only a site can do is added here: pictures in the scheme of their
reader, drawings in the place of what is text in a file, a description for search engines, and the name of the file.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from website.drawings.blocks import Drawn, drawn_blocks
from website.errors.pages import messages_page
from website.python_api.names import linked_prose
from website.python_api.pages import python_pages, source_of_page

__all__ = ["FILES", "MADE", "ROOT", "description", "prepare", "source_of"]

ROOT: Final = Path(__file__).parent.parent

FILES: Final = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "THREAT_MODEL.md": "threat-model.md",
    "VERSIONING.md": "versioning.md",
}
"""Files beside docs/, and the pages they become."""

_UNSEARCHED: Final = ("changes.md",)
"""Pages that name everything and explain nothing: the search would show them before the pages that explain."""

_OPERATORS: Final = "deploy"
"""The folder of files that operators take: who has installed the package has them from the site alone."""

_PYTHON: Final = "reference/python.md"
"""The one page of the reference that names modules without links: they lead to pages that only the site has."""

MADE: Final[Mapping[str, Callable[[], str]]] = {
    "reference/messages.md": lambda: messages_page(ROOT / "src" / "duologue"),
}
"""Pages that are made with the site, because a file of them would be out of date with every change of a message."""

_MAX_DESCRIPTION: Final = 200
"""Search engines show less than that."""

_FENCED: Final = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(((?:\.\./)*pictures/[\w-]+?)-light\.(png|svg)\)")
_ANCHORED: Final = re.compile(r'^(#+) <a id="([^"]+)"></a>(.*)$', re.MULTILINE)
_SAID: Final = re.compile(r"^#.*$|\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])|`([^`\n]+)`", re.MULTILINE)
"""Headings and links, which stay, and code."""
_NAME: Final = re.compile(r"[A-Z]\w*[a-z]\w*(\.\w+(\(\))?)?|\w+(\.\w+)+")
_MARKS: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[`*]")


def prepare(target: Path) -> None:
    """Write all pages and what they show into a new folder."""
    shutil.copytree(ROOT / "docs" / "pictures", target / "pictures")
    shutil.copytree(ROOT / "website" / "assets", target / "assets")
    shutil.copytree(ROOT / _OPERATORS, target / _OPERATORS)
    drawn = drawn_blocks(ROOT)
    for name, picture in {name: text for each in drawn for name, text in each.pictures.items()}.items():
        (target / "pictures" / name).write_text(picture, encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md")):
        source = path.relative_to(ROOT).as_posix()
        _write(target, source.removeprefix("docs/"), source, drawn)
    for source, page in FILES.items():
        _write(target, page, source, drawn)
    for page, text in python_pages().items():
        _write_page(target, page, source_of_page(page), text)
    for page, make in MADE.items():
        text = make()
        head = f'---\ndescription: "{_quotable(description(text))}"\n---\n\n'
        (target / page).write_text(head + text, encoding="utf-8")


def source_of(page: str) -> str:
    """The file of the repository that becomes a page."""
    return next((source for source, name in FILES.items() if name == page), f"docs/{page}")


def description(text: str) -> str:
    """The first paragraph of a page, without its marks, as far as search engines show it."""
    paragraphs = (" ".join(each.split()) for each in _FENCED.sub("", text).split("\n\n"))
    plain = next((_MARKS.sub(r"\1", each) for each in paragraphs if each and each[0] not in "#<|!-"), "")
    if len(plain) <= _MAX_DESCRIPTION:
        return plain
    return plain[:_MAX_DESCRIPTION].rsplit(" ", 1)[0].rstrip(",.:;") + " …"


def _write(target: Path, page: str, source: str, drawn: list[Drawn]) -> None:
    text = (ROOT / source).read_text(encoding="utf-8")
    for block in drawn:
        if block.source == source:
            text = block.replaced(text)
    text = _ANCHORED.sub(r"\1 \3 { #\2 }", text)  # a link inside the links of the table of contents would end them
    paired = partial(_in_both_schemes, pictures=target / "pictures")
    prose = _outside_code(text, lambda part: _PICTURE.sub(paired, _LINK.sub(_moved(page, source), part)))
    _write_page(
        target, page, source, prose if page.startswith("reference/") and page != _PYTHON else _named(prose, page)
    )


def _write_page(target: Path, page: str, source: str, text: str) -> None:
    head = [f"source: {source}", f'description: "{_quotable(description(text))}"']
    if page == "index.md":
        head += ["home: true", "hide: [navigation, toc, path]"]
    if page in _UNSEARCHED:
        head.append("search: {exclude: true}")
    path = target / page
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["---", *head, "---", "", text]), encoding="utf-8")


def _named(text: str, page: str) -> str:
    """Names of Python and of events lead to their reference, each where a page first says it; headings stay."""
    linked: set[str] = set()

    def link_of(code: re.Match[str]) -> str:
        if code[1] is None or code[1] in linked or not _NAME.fullmatch(code[1]):
            return code[0]
        named = linked_prose(code[0], page=page)
        if named != code[0]:
            linked.add(code[1])
        return named

    return _outside_code(text, lambda part: _SAID.sub(link_of, part))


def _quotable(text: str) -> str:
    return text.replace("\\", " ").replace('"', "'")


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    parts: list[str] = []
    end = 0
    for block in _FENCED.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def _in_both_schemes(picture: re.Match[str], pictures: Path) -> str:
    """The picture and its dark version, of which the theme shows one; alone if it has none."""
    words, name, kind = picture.groups()
    if not (pictures / f"{PurePosixPath(name).name}-dark.{kind}").exists():
        return picture[0]
    return f"![{words}]({name}-light.{kind}#only-light)\n![{words}]({name}-dark.{kind}#only-dark)"


def _moved(page: str, source: str) -> Callable[[re.Match[str]], str]:
    """Links of a file become links of its page: to another page or a file of the site, else their words alone."""

    def link_of(link: re.Match[str]) -> str:
        words, anchor = link[1], link[3] or ""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        if name.startswith("docs/"):
            to = name.removeprefix("docs/")
        elif name in FILES:
            to = FILES[name]
        elif name.startswith(f"{_OPERATORS}/") and (ROOT / name).is_file():
            to = name
        else:
            return words
        return f"[{words}]({posixpath.relpath(to, posixpath.dirname(page) or '.')}{anchor})"

    return link_of
