"""What of an event goes into another dialect."""

from __future__ import annotations

import pytest

from duologue import decode
from duologue.codec.projection import Untranslatable, project

FOREIGN = '{"type":"response.create","response":{"instructions":"Be short.","mood":"mild"}}'


def test_foreign_fields_are_left_out_and_reported() -> None:
    lost: list[str] = []
    plain = project(decode(FOREIGN, dialect="openai"), "qwen", lost)
    assert plain == {"type": "response.create", "response": {"instructions": "Be short."}}
    assert lost == ["response.mood"]


def test_in_their_own_dialect_they_stay() -> None:
    lost: list[str] = []
    assert project(decode(FOREIGN, dialect="openai"), "openai", lost)["response"]["mood"] == "mild"
    assert lost == []


def test_an_event_whose_required_part_is_foreign_cannot_be_projected() -> None:
    event = decode('{"type":"conversation.item.create","item":{"type":"hologram"}}', dialect="openai")
    with pytest.raises(Untranslatable, match=r"^item$"):
        project(event, "qwen", [])
