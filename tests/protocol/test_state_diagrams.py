"""The page of states is what the tables say today."""

from __future__ import annotations

from duologue.protocol import states as tables
from duologue.protocol.media import speech_states
from duologue.protocol.state_diagrams import states_page
from tests.repo._tree import ROOT


def test_the_committed_page_of_states_is_fresh() -> None:
    committed = (ROOT / "docs" / "reference" / "states.md").read_text(encoding="utf-8")
    assert committed == states_page(), "run: python -m duologue.protocol.state_diagrams > docs/reference/states.md"


def test_every_table_is_drawn_with_every_way_that_it_has() -> None:
    page = states_page()
    modules = {**vars(tables), **vars(speech_states)}
    found = [value for name, value in modules.items() if name.isupper() and isinstance(value, dict)]
    assert page.count("stateDiagram-v2") == len(found)
    for table in found:
        for (before, happened), after in table.items():
            assert f"| {before.value} | {happened.value} | {after.value} |" in page
            assert f"{before.name.lower()} --> {after.name.lower()}: {happened.value}" in page


def test_the_docstring_of_a_state_stands_below_its_diagram() -> None:
    assert "- *rising*: speech, but not yet for long enough to be sure." in states_page()
