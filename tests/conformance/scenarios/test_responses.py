"""Responses in text and speech, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import Change, drop, edit, rename, repeat, swap
from tests.conformance.scenarios._faults import failed, faults


@faults(
    (
        "response.created comes late",
        swap("response.created", "response.output_item.added"),
        "response.usage",
        "response.text one_done",
    ),
    ("no response.done", drop("response.done"), "response.usage", "response.text one_done"),
    ("two response.done", repeat("response.done"), "response.usage", "one_done"),
    ("no output_item.added", drop("response.output_item.added"), "response.usage", "response.text item_pairs"),
    (
        "no output_item.done",
        drop("response.output_item.done"),
        "response.usage",
        "response.text item_pairs final_output",
    ),
    ("no item.added", drop("conversation.item.added"), "response.usage", "response.text item_added_done"),
    (
        "no content_part.added",
        drop("response.content_part.added"),
        "response.usage",
        "response.text part_pairs deltas_inside_part",
    ),
    ("no content_part.done", drop("response.content_part.done"), "response.usage", "response.text part_pairs"),
    ("no output_text.done", drop("response.output_text.done"), "response.usage", "response.text one_stream_end"),
    ("two output_text.done", repeat("response.output_text.done"), "response.usage", "response.text one_stream_end"),
    (
        "the part ends before its text",
        swap("response.output_text.done", "response.content_part.done"),
        "response.usage",
        "response.text deltas_inside_part",
    ),
    (
        "the response ends before its item",
        swap("response.output_item.done", "response.done"),
        "response.usage",
        "response.text one_done",
    ),
    (
        "a beta name",
        rename("response.output_text.delta", "response.text.delta"),
        "response.usage",
        "response.text published_types",
    ),
    (
        "the part is output_text",
        edit("response.content_part.added", "part.type", "output_text"),
        "response.usage",
        "response.text part_types",
    ),
    ("other text in the end", edit("response.output_text.done", "text", "Good-bye."), "response.usage", "concat_text"),
    ("no event_id", edit("response.output_text.done", "event_id", ...), "response.usage", "event_ids"),
    (
        "a status of its own",
        edit("response.done", "response.status", "finished"),
        "response.usage",
        "response.text known_status",
    ),
    ("no output", edit("response.done", "response.output", []), "response.usage", "final_output"),
    ("no usage", edit("response.done", "response.usage", None), "response.usage", "response.usage"),
    ("no metadata", edit("response.done", "response.metadata", None), "response.usage", "response.metadata"),
    (
        "a wrong predecessor",
        edit("conversation.item.added", "previous_item_id", "item_x"),
        "response.usage",
        "prev_chain",
    ),
    (
        "words outside their part",
        swap("response.content_part.added", "response.output_audio_transcript.done"),
        "response.pcm",
        "response.audio deltas_inside_part",
    ),
    ("half a sample", edit("response.output_audio.delta", "delta", "AAAA"), "response.pcm", "response.pcm"),
    ("no audio.done", drop("response.output_audio.done"), "response.pcm", "response.audio one_stream_end"),
    (
        "other words in the end",
        edit("response.output_audio_transcript.done", "transcript", "No."),
        "response.pcm",
        "concat_transcript",
    ),
    ("any voice", drop("error"), "response.pcm", "error.voice_in_use error.truncate_too_late"),
    ("no code", edit("error", "error.code", "bad_request"), "error.response_active", "error.response_active"),
)
async def test_a_fault_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert await failed(change, only) == set(rules.split())
