"""One item, built from those of its events that have arrived."""

from __future__ import annotations

import pytest

from duologue.codec.writing import to_plain
from duologue.events import (
    AudioPart,
    ContentPart,
    FunctionCallItem,
    InputAudioPart,
    InputTextPart,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    TextPart,
)
from duologue.protocol.client.history.item_builder import ItemBuilder, without_audio


def content(builder: ItemBuilder) -> object:
    return to_plain(builder.snapshot().item)["content"]


def test_an_item_of_which_only_pieces_came_is_a_message_of_the_model() -> None:
    builder = ItemBuilder("a", response_id="r")
    builder.text_delta(1, "there", spoken=True)
    builder.text_delta(0, "here", spoken=False)
    stored = builder.snapshot()
    assert to_plain(stored.item) == {
        "type": "message",
        "id": "a",
        "role": "assistant",
        "status": "in_progress",
        "content": [{"type": "output_text", "text": "here"}, {"type": "output_audio", "transcript": "there"}],
    }
    assert (stored.done, stored.response_id, stored.text) == (False, "r", "here there")


def test_parts_are_spelled_as_in_items_however_they_came() -> None:
    builder = ItemBuilder("a")
    builder.part(0, TextPart(text=""), final=False)
    builder.part(1, AudioPart(transcript=""), final=False)
    builder.part(2, InputTextPart(text="kept"), final=False)
    builder.text_done(0, "t", spoken=False)
    builder.part(1, AudioPart(transcript="a"), final=True)
    assert content(builder) == [
        {"type": "output_text", "text": "t"},
        {"type": "output_audio", "transcript": "a"},
        {"type": "input_text", "text": "kept"},
    ]


def test_the_whole_replaces_the_pieces_and_pieces_that_it_has_add_nothing() -> None:
    builder = ItemBuilder("a")
    builder.text_delta(0, "hal", spoken=False)
    builder.text_done(0, "half", spoken=False)
    builder.text_delta(0, "f", spoken=False)
    assert builder.snapshot().text == "half"
    final = MessageItem(id="a", role="assistant", content=[OutputTextPart(text="final")])
    builder.finished(final)
    builder.text_delta(0, "al", spoken=False)
    builder.text_done(0, "late", spoken=False)
    builder.part(0, TextPart(text="late"), final=True)
    builder.started(MessageItem(id="a", role="assistant", content=[]))
    assert builder.snapshot().item == final
    assert builder.snapshot() is builder.snapshot()


@pytest.mark.parametrize("spoken", [False, True], ids=["written", "spoken"])
def test_words_behind_the_end_of_their_part_or_item_are_kept(spoken: bool) -> None:
    builder = ItemBuilder("a")
    builder.text_delta(0, "Wait", spoken=spoken)
    builder.part(0, AudioPart(transcript="Wait") if spoken else TextPart(text="Wait"), final=True)
    builder.text_delta(0, ", there", spoken=spoken)
    assert builder.snapshot().text == "Wait, there"
    builder.finished(MessageItem(id="a", role="assistant", content=[OutputTextPart(text="Wait")]))
    builder.text_delta(0, " is more.", spoken=spoken)
    assert builder.snapshot().text == "Wait, there is more."
    assert builder.snapshot().done
    builder.text_delta(1, "And this.", spoken=spoken)
    assert builder.snapshot().text == "Wait, there is more. And this."


@pytest.mark.parametrize("emptier", [[], [OutputTextPart(text="")], [OutputTextPart(text="All ")]], ids=str)
def test_an_emptier_end_of_an_item_takes_no_words_away(emptier: list[ContentPart]) -> None:
    builder = ItemBuilder("a")
    builder.text_done(0, "All of it.", spoken=False)
    builder.finished(MessageItem(id="a", role="assistant", status="completed", content=emptier))
    assert builder.snapshot().text == "All of it."
    builder.finished(MessageItem(id="a", role="assistant", status="in_progress", content=[]))
    stored = builder.snapshot().item
    assert isinstance(stored, MessageItem)
    assert (builder.snapshot().text, stored.status) == ("All of it.", "completed")


def test_an_item_that_the_server_cut_may_have_fewer_words_than_were_told() -> None:
    builder = ItemBuilder("a")
    builder.text_done(0, "All of it.", spoken=True)
    cut = MessageItem(id="a", role="assistant", status="incomplete", content=[OutputAudioPart(transcript="All")])
    builder.finished(cut)
    assert builder.snapshot().text == "All"


def test_words_that_the_item_has_in_another_part_are_not_doubled() -> None:
    builder = ItemBuilder("a")
    builder.text_done(1, "Once.", spoken=False)
    builder.finished(MessageItem(id="a", role="assistant", content=[OutputTextPart(text="Once.")]))
    assert builder.snapshot().text == "Once."


def test_a_call_of_which_only_the_arguments_were_told_is_a_call() -> None:
    builder = ItemBuilder("a")
    builder.arguments('{"a"', whole=False, call_id="c")
    builder.arguments(":1}", whole=False, call_id="c")
    builder.arguments("", whole=True, name="f", call_id="c")
    assert to_plain(builder.snapshot().item) == {
        "type": "function_call",
        "id": "a",
        "name": "f",
        "call_id": "c",
        "arguments": '{"a":1}',
        "status": "in_progress",
    }
    builder.finished(FunctionCallItem(id="a", name="", arguments="", status="completed"))
    stored = builder.snapshot().item
    assert isinstance(stored, FunctionCallItem)
    assert (stored.name, stored.call_id, stored.arguments) == ("f", "c", '{"a":1}')


def test_a_beta_part_inside_an_item_is_cut_like_any_other() -> None:
    builder = ItemBuilder("a")
    builder.finished(MessageItem(id="a", role="assistant", content=[AudioPart(transcript="all")]))
    builder.truncated(0, 10)
    assert builder.snapshot().text == ""


def test_audio_inside_an_item_is_left_out_and_nothing_else() -> None:
    text = MessageItem(role="user", content=[InputTextPart(text="t")])
    assert without_audio(text) is text
    spoken = MessageItem(role="user", content=[InputAudioPart(audio="AAAA", transcript="t"), InputTextPart(text="u")])
    assert to_plain(without_audio(spoken))["content"] == [
        {"type": "input_audio", "transcript": "t"},
        {"type": "input_text", "text": "u"},
    ]


def test_a_builder_goes_on_after_a_snapshot() -> None:
    builder = ItemBuilder("a")
    assert builder.snapshot().text == ""
    builder.started(MessageItem(id="a", role="user", content=[InputTextPart(text="hi")]))
    assert builder.snapshot().text == "hi"


def test_the_arguments_of_a_call_that_ended_are_those_of_its_end() -> None:
    builder = ItemBuilder("a")
    builder.started(FunctionCallItem(id="a", name="f", call_id="c", arguments=""))
    builder.arguments("{", whole=False)
    builder.finished(FunctionCallItem(id="a", name="f", call_id="c", arguments="{}"))
    assert to_plain(builder.snapshot().item)["arguments"] == "{}"
