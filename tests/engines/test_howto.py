"""The page on engines shows an engine that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from duologue.engines import registry
from duologue.engines.checks import check_responder, responder_request
from duologue.engines.embedded.responder import EmbeddedResponder

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "engines.md").read_text(encoding="utf-8")


async def test_the_engine_that_is_shown_keeps_the_contract_and_so_does_the_check_that_is_shown() -> None:
    engine, check = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(engine, names)
    exec(check, names)
    await check_responder(names["Parrot"]())
    await names["test_the_parrot_keeps_the_contract"]()


def test_the_engines_that_the_page_names_are_those_that_are_shipped() -> None:
    for entry in registry._BUILT_IN:
        assert f"`{entry.partition('.')[2]}`" in PAGE


async def test_what_the_page_has_people_say_is_understood() -> None:
    said = re.findall(r"^\| \**([A-Z][^|]+?)\** \|", PAGE.partition("## The embedded responder")[2], re.MULTILINE)
    sentences = [sentence for line in said for sentence in re.findall(r"[^.?]+(?:[.?]|: …)", line) if line != "Say"]
    assert len(sentences) > 15
    for sentence in sentences:
        answer = "".join(
            [str(piece) async for piece in EmbeddedResponder(slow_s=0).respond(responder_request(sentence))]
        )
        assert not answer.startswith("I heard"), sentence
