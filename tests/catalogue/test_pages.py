"""The reference pages are what the catalogue says today."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from duologue import catalogue, decode
from duologue.catalogue.pages import pages, write_pages
from duologue.codec import decode_live, decode_translation
from tests.repo._tree import ROOT

REFERENCE = ROOT / "docs" / "reference"
READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "translation": decode_translation,
    "live": decode_live,
    "azure": partial(decode, dialect="azure-voice-live"),
}
SECTION = re.compile(r'^## <a id="(?P<anchor>[^"]+)"></a>(?P<title>.+)$', re.MULTILINE)


def test_the_committed_pages_are_fresh() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    stale = [name for name, text in pages().items() if committed.get(name) != text]
    assert stale == [], "run: python -m duologue.catalogue.pages docs/reference"
    assert (
        committed.keys() - {"states.md", "faults.md", "options.md", "errors.md", "python.md"} == pages().keys()
    )  # these are made of tables of their own


def test_every_example_on_a_page_reads_as_the_event_above_it() -> None:
    read = 0
    for group in catalogue.GROUPS:
        page = pages()[f"{group}.md"]
        for section in SECTION.split(page)[3::3]:
            found = re.search(r"`duologue\.events(?:\.\w+)?\.(\w+)`.*?```json\n(.+?)\n```", section, re.DOTALL)
            assert found
            decoded = READERS.get(group, decode)(found[2])
            assert type(decoded).__name__ == found[1]
            assert decoded.to_json() == json.loads(found[2])
            read += 1
    assert read == len(catalogue.events())


def test_every_link_leads_to_a_section() -> None:
    anchors = {f"{name}#{found['anchor']}" for name, text in pages().items() for found in SECTION.finditer(text)}
    targets = {
        target if not target.startswith("#") else f"{name}{target}"
        for name, text in pages().items()
        for target in re.findall(r"\]\(([^)]*#[^)]+)\)", text)
    }
    assert targets - anchors == set()


def test_pages_are_written_into_a_folder_that_need_not_be_there(tmp_path: Path) -> None:
    write_pages(tmp_path / "new" / "reference")
    written = {path.name for path in (tmp_path / "new" / "reference").iterdir()}
    assert written == set(pages())
