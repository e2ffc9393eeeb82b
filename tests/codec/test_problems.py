"""The parts of a problem's sentence, as the strict decoder words it."""

from __future__ import annotations

import pytest

from duologue import decode
from duologue.codec.problems import Problem, read_problem
from duologue.events import UnknownRealtimeEvent


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"type":"conversation.item.delete"}', Problem(path="item_id", missing=True)),
        (
            '{"type":"conversation.item.create","item":{"type":"message","role":"user"}}',
            Problem(path="item.content", missing=True),
        ),
        (
            '{"type":"conversation.item.delete","item_id":7}',
            Problem(path="item_id", missing=False, expected="str", got="int"),
        ),
    ],
)
def test_a_problem_says_where_and_what(text: str, problem: Problem) -> None:
    event = decode(text)
    assert isinstance(event, UnknownRealtimeEvent)
    assert read_problem(event.problem) == problem


@pytest.mark.parametrize(("place", "path"), [(" - at `$.type`", "type"), (" - at `$`", ""), ("", "")])
def test_any_other_sentence_keeps_its_words(place: str, path: str) -> None:
    assert read_problem(f"odd{place}") == Problem(path=path, missing=False, expected="another value", got=f"odd{place}")
