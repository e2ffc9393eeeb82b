"""One item out of two that tell of it."""

from __future__ import annotations

import pytest

from duologue.events import FunctionCallItem, InputTextPart, MessageItem, OutputAudioPart, OutputTextPart
from duologue.protocol.client.history.item_merge import (
    fuller_arguments,
    is_object,
    merged_items,
    words_of,
    words_of_item,
)


def text(*texts: str, status: str = "completed") -> MessageItem:
    return MessageItem(id="m", role="assistant", status=status, content=[OutputTextPart(text=each) for each in texts])


def call(arguments: str, *, name: str = "f", call_id: str = "c") -> FunctionCallItem:
    return FunctionCallItem(id="i", name=name, call_id=call_id, arguments=arguments)


def test_the_later_item_stands_with_what_only_the_earlier_one_has() -> None:
    assert merged_items(text("One.", "Two."), text("One!")) == text("One!", "Two.")
    assert merged_items(text("One."), text("")) == text("One.")
    assert merged_items(None, text("One.")) == text("One.")
    assert merged_items(call("{}"), text("One.")) == text("One.")


def test_a_status_that_was_completed_stays_unless_the_item_was_cut() -> None:
    assert merged_items(text("One."), text("One.", status="in_progress")) == text("One.")
    assert merged_items(text("One two."), text("One", status="incomplete")) == text("One", status="incomplete")


def test_a_call_keeps_its_name_its_id_and_its_fullest_arguments() -> None:
    assert merged_items(call('{"a":1}'), call("", name="", call_id="")) == call('{"a":1}')


@pytest.mark.parametrize(
    ("before", "after", "fuller"),
    [
        ("", '{"a":1}', '{"a":1}'),
        ('{"a":1}', "", '{"a":1}'),
        ('{"a":1}', " {} ", '{"a":1}'),
        ('{"a":1}', '{"a"', '{"a":1}'),
        ('{"a":1}', '{"a":2}', '{"a":2}'),
        ('{"a"', '{"a":', '{"a":'),
        ('{"a":', '{"a"', '{"a":'),
        ("", "{}", "{}"),
    ],
)
def test_the_fuller_arguments_stay(before: str, after: str, fuller: str) -> None:
    assert fuller_arguments(before, after) == fuller


def test_only_a_whole_json_object_is_one() -> None:
    assert is_object('{"a":[1,2]}')
    for other in ("", "[]", "1", '{"a":1', '{"a":' * 5_000, "\ud800"):
        assert not is_object(other)


def test_the_words_of_parts_and_items() -> None:
    assert words_of(OutputAudioPart(transcript=None)) == ""
    assert words_of(InputTextPart(text="Hi.")) == "Hi."
    assert words_of_item(text("One.", "", "Two.")) == "One. Two."
    assert words_of_item(call("{}")) == ""
