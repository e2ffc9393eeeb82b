"""The picture of a terminal shows today's demo, and fetches nothing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from duologue.cli.commands.demo import TURN_ORDER
from website.pages import ROOT

PICTURE = (ROOT / "docs" / "pictures" / "demo.svg").read_text(encoding="utf-8")


def test_the_events_of_the_turn_stand_in_their_order() -> None:
    words = " ".join(each.text or "" for each in ElementTree.fromstring(PICTURE).iter() if each.tag.endswith("}text"))
    shown = iter(re.findall(r"\b(?:[a-z_]+\.)+[a-z_]+\b", words.replace("\xa0", " ")))
    assert [name for name in TURN_ORDER if name not in shown] == [], "run: python -m website.terminals"


def test_it_fetches_nothing() -> None:
    assert set(re.findall(r"https?://[^\"<\s]+", PICTURE)) == {"http://www.w3.org/2000/svg"}
