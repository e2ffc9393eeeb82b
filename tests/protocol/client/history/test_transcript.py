"""Who said what, as far as it is known."""

from __future__ import annotations

from duologue.events import (
    ContentPart,
    FunctionCallItem,
    InputAudioPart,
    InputImagePart,
    InputTextPart,
    MessageItem,
    OutputAudioPart,
    OutputTextPart,
    RealtimeResponse,
)
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.history.transcript import transcript_of


def spoken(item_id: str, role: str, words: str | None, *, done: bool = True, **fields: object) -> StoredItem:
    part = InputAudioPart(transcript=words) if role == "user" else OutputAudioPart(transcript=words)
    item = MessageItem(id=item_id, role=role, content=[part])
    return StoredItem(item_id=item_id, item=item, done=done, **fields)  # type: ignore[arg-type]


ITEMS = (
    StoredItem(
        item_id="item_1",
        item=MessageItem(role="system", content=[InputTextPart(text="Be brief.")]),
        done=True,
    ),
    spoken("item_2", "user", "Tell me a story."),
    spoken("item_3", "assistant", "", truncated_at_ms=800),
    spoken("item_4", "user", None, transcription_failed=True),
    StoredItem(item_id="item_5", item=FunctionCallItem(name="weather", arguments="{}"), done=True),
    StoredItem(
        item_id="item_6",
        item=MessageItem(role="user", content=[InputImagePart(image_url="data:image/png;base64,AA==")]),
        done=True,
    ),
    spoken("item_7", "user", None),
    spoken("item_8", "assistant", "It was only", truncated_at_ms=1200),
    spoken("item_9", "assistant", "Once upon", done=False),
)


def test_a_transcript_has_the_messages_with_role_text_and_item_id() -> None:
    transcript = transcript_of(ITEMS)
    assert [(line.role, line.text, line.item_id) for line in transcript] == [
        ("system", "Be brief.", "item_1"),
        ("user", "Tell me a story.", "item_2"),
        ("assistant", "", "item_3"),
        ("user", "", "item_4"),
        ("user", "", "item_7"),
        ("assistant", "It was only", "item_8"),
        ("assistant", "Once upon", "item_9"),
    ]
    assert [line.interrupted_at_ms for line in transcript] == [None, None, 800, None, None, 1200, None]


def test_a_transcript_reads_as_a_page_and_says_what_was_not_heard() -> None:
    assert str(transcript_of(ITEMS)).splitlines() == [
        "system: Be brief.",
        "user: Tell me a story.",
        "assistant: [interrupted after 0.8 s]",
        "user: [could not be transcribed]",
        "user: [no words]",
        "assistant: It was only [interrupted after 1.2 s]",
        "assistant: Once upon […]",
    ]
    assert str(transcript_of([])) == ""


def test_items_and_responses_say_their_words() -> None:
    speech = OutputAudioPart(transcript="How are you?")
    content: list[ContentPart] = [OutputTextPart(text="Hello."), speech, OutputAudioPart(transcript=None)]
    message = MessageItem(role="assistant", content=content)
    assert message.text == "Hello. How are you?"
    call = FunctionCallItem(name="f", arguments="{}")
    assert RealtimeResponse(output=[message, call, message]).text == "Hello. How are you? Hello. How are you?"
    assert RealtimeResponse().text == ""
    assert (ITEMS[1].role, ITEMS[4].role, ITEMS[4].text) == ("user", None, "")
