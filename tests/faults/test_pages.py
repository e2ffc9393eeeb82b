"""The page of all faults is what the vocabulary says today."""

from __future__ import annotations

from pathlib import Path

from duologue.faults import KINDS
from duologue.faults.pages import page, write_page
from tests.repo._tree import ROOT


def test_the_committed_page_is_fresh() -> None:
    committed = (ROOT / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")
    assert committed == page(), "run: python -m duologue.faults.pages docs/reference/faults.md"


def test_every_fault_has_a_row_on_it() -> None:
    assert [name for name in KINDS if f"\n| `{name}` | " not in page()] == []


def test_the_page_is_written_into_a_file(tmp_path: Path) -> None:
    write_page(tmp_path / "faults.md")
    assert (tmp_path / "faults.md").read_text(encoding="utf-8") == page()
