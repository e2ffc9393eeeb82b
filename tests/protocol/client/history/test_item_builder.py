"""One item while it comes about, from whatever of its events there is."""

from __future__ import annotations

from duologue.codec.writing import to_plain
from duologue.events import (
    AudioPart,
    FunctionCallItem,
    InputAudioPart,
    InputTextPart,
    MessageItem,
    OutputTextPart,
    TextPart,
)
from duologue.protocol.client.history.item_builder import ItemDraft, without_audio


def content(draft: ItemDraft) -> object:
    return to_plain(draft.snapshot().item)["content"]


def test_an_item_of_which_only_pieces_came_is_a_message_of_the_model() -> None:
    draft = ItemDraft("a", response_id="r")
    draft.said(1, "there", spoken=True)
    draft.said(0, "here", spoken=False)
    stored = draft.snapshot()
    assert to_plain(stored.item) == {
        "type": "message",
        "id": "a",
        "role": "assistant",
        "status": "in_progress",
        "content": [{"type": "output_text", "text": "here"}, {"type": "output_audio", "transcript": "there"}],
    }
    assert (stored.done, stored.response_id, stored.text) == (False, "r", "here there")


def test_parts_are_spelled_as_in_items_however_they_came() -> None:
    draft = ItemDraft("a")
    draft.part(0, TextPart(text=""), final=False)
    draft.part(1, AudioPart(transcript=""), final=False)
    draft.part(2, InputTextPart(text="kept"), final=False)
    draft.said_all(0, "t", spoken=False)
    draft.part(1, AudioPart(transcript="a"), final=True)
    assert content(draft) == [
        {"type": "output_text", "text": "t"},
        {"type": "output_audio", "transcript": "a"},
        {"type": "input_text", "text": "kept"},
    ]


def test_the_whole_replaces_the_pieces_and_pieces_add_nothing_to_the_whole() -> None:
    draft = ItemDraft("a")
    draft.said(0, "hal", spoken=False)
    draft.said_all(0, "half", spoken=False)
    draft.said(0, "f", spoken=False)
    assert draft.snapshot().text == "half"
    draft.arguments("{", whole=False)
    draft.arguments("{}", whole=True)
    draft.arguments("}", whole=False)
    final = MessageItem(id="a", role="assistant", content=[OutputTextPart(text="final")])
    draft.ended(final)
    draft.said(0, "late", spoken=False)
    draft.said_all(0, "late", spoken=False)
    draft.part(0, TextPart(text="late"), final=True)
    draft.arguments("late", whole=True)
    draft.began(MessageItem(id="a", role="assistant", content=[]))
    assert draft.snapshot().item == final
    assert draft.snapshot() is draft.snapshot()


def test_a_beta_part_inside_an_item_is_cut_like_any_other() -> None:
    draft = ItemDraft("a")
    draft.ended(MessageItem(id="a", role="assistant", content=[AudioPart(transcript="all")]))
    draft.truncated(0, 10)
    assert draft.snapshot().text == ""


def test_audio_inside_an_item_is_left_out_and_nothing_else() -> None:
    text = MessageItem(role="user", content=[InputTextPart(text="t")])
    assert without_audio(text) is text
    spoken = MessageItem(role="user", content=[InputAudioPart(audio="AAAA", transcript="t"), InputTextPart(text="u")])
    assert to_plain(without_audio(spoken))["content"] == [
        {"type": "input_audio", "transcript": "t"},
        {"type": "input_text", "text": "u"},
    ]


def test_a_draft_that_was_looked_at_goes_on() -> None:
    draft = ItemDraft("a")
    assert draft.snapshot().text == ""
    draft.began(MessageItem(id="a", role="user", content=[InputTextPart(text="hi")]))
    assert draft.snapshot().text == "hi"


def test_the_arguments_of_a_call_that_ended_are_those_of_its_end() -> None:
    draft = ItemDraft("a")
    draft.began(FunctionCallItem(id="a", name="f", call_id="c", arguments=""))
    draft.arguments("{", whole=False)
    draft.ended(FunctionCallItem(id="a", name="f", call_id="c", arguments="{}"))
    assert to_plain(draft.snapshot().item)["arguments"] == "{}"
