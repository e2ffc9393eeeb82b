"""Drawings show what their tables say, fit their words, and can be read in both schemes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any
from xml.etree import ElementTree

import pytest

from duologue.protocol.state_diagrams import TABLES
from website.drawings.blocks import drawn_blocks
from website.drawings.floors import draw_floors
from website.drawings.states import draw_states
from website.drawings.svg import LIGHT, SCHEMES, Colours, Drawing
from website.pages import ROOT

PAPER = {"light": "#ffffff", "dark": "#0b0c10"}


def words_of(drawing: Drawing) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(str(drawing)).iter() if each.tag.endswith("}text")]


@pytest.mark.parametrize(("title", "table"), [entry[:2] for entry in TABLES], ids=[entry[0] for entry in TABLES])
def test_a_drawing_of_states_has_every_state_and_every_input(title: str, table: Mapping[Any, Enum]) -> None:
    drawn = words_of(draw_states(title, table, LIGHT))
    assert {state.value for state in type(next(iter(table.values())))} <= set(drawn)
    assert {happened.value for _, happened in table} <= {word for words in drawn for word in words.split(", ")}


def test_the_floors_have_every_package_with_what_it_is() -> None:
    words = words_of(draw_floors(ROOT, LIGHT))
    package = ROOT / "src" / "duologue"
    rooms = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert {name for name in rooms if not name.startswith("__")} <= set(words)
    assert "Text to events and back, in every dialect" in words


def test_each_drawing_stands_below_the_heading_of_its_table() -> None:
    text = (ROOT / "docs" / "reference" / "states.md").read_text(encoding="utf-8")
    blocks = [block for block in drawn_blocks(ROOT) if block.source == "docs/reference/states.md"]
    for block in blocks:
        text = block.replaced(text)
    assert "```mermaid" not in text
    for (title, _, _), block in zip(TABLES, blocks, strict=True):
        section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert f"](../pictures/{next(iter(block.pictures))})" in section


def test_a_page_without_its_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="change website/drawings/blocks"):
        drawn_blocks(ROOT)[0].replaced("# How it is built\n")


@pytest.mark.parametrize("colours", SCHEMES, ids=lambda colours: colours.name)
def test_words_have_a_contrast_that_can_be_read(colours: Colours) -> None:
    for words in (colours.ink, colours.faint):
        for below in (PAPER[colours.name], colours.box, colours.accent_box):
            assert contrast(words, below) >= 4.5, (words, below)


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
