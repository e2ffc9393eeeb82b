"""Each page stands once in the navigation."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from website.pages import FILES, MADE, ROOT
from website.python_api.pages import python_pages


def _entries(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                yield title, target
            else:
                yield from _entries(target)


NAV = list(_entries(tomllib.loads((ROOT / "website" / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))


def test_each_page_stands_once_in_the_navigation() -> None:
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    written |= {*FILES.values(), *MADE, *python_pages()}
    named = {target for _, target in NAV}
    assert written - named == set(), "name these in `nav` of website/zensical.toml"
    assert named - written == set(), "`nav` of website/zensical.toml names pages that docs/ does not have"
    assert [page for page, times in Counter(target for _, target in NAV).items() if times > 1] == []


def test_no_two_pages_of_a_part_have_one_title() -> None:
    parts = tomllib.loads((ROOT / "website" / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    for part in parts:
        titles = Counter(title for title, _ in _entries([part]))
        assert [title for title, times in titles.items() if times > 1] == []
