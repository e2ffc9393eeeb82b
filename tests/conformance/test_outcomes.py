"""The suite finds faults: a server that is broken in one place fails the rules about that place, and no others."""

from __future__ import annotations

import pytest

from duologue.conformance import Report, Settings, run
from duologue.conformance.rulebook.rules import errors
from tests.conformance._servers import Change, also, drop, edit, rename, repeat, serving, swap

pytestmark = pytest.mark.usefixtures("idle_clock")

HASTY = Settings(timeout=0.3, pace=0)


async def _report(change: Change | None, *only: str) -> Report:
    async with serving(change) as open_transport:
        return await run(open_transport, only=only, settings=HASTY)


def _failed(report: Report) -> set[str]:
    return {rule_id for rule_id, finding in report.found.items() if finding.outcome == "failed"}


WRITTEN = [
    ("response.created comes late", swap("response.created", "response.output_item.added"), "response.text one_done"),
    ("no response.done", drop("response.done"), "response.text one_done"),
    ("two response.done", repeat("response.done"), "one_done"),
    ("no output_item.added", drop("response.output_item.added"), "response.text item_pairs"),
    ("no output_item.done", drop("response.output_item.done"), "response.text item_pairs final_output"),
    ("no item.added", drop("conversation.item.added"), "response.text item_added_done"),
    ("no content_part.added", drop("response.content_part.added"), "response.text part_pairs deltas_inside_part"),
    ("no content_part.done", drop("response.content_part.done"), "response.text part_pairs"),
    ("no output_text.done", drop("response.output_text.done"), "response.text one_stream_end"),
    ("two output_text.done", repeat("response.output_text.done"), "response.text one_stream_end"),
    (
        "the part ends before its text",
        swap("response.output_text.done", "response.content_part.done"),
        "response.text deltas_inside_part",
    ),
    (
        "the response ends before its item",
        swap("response.output_item.done", "response.done"),
        "response.text one_done",
    ),
    ("a beta name", rename("response.output_text.delta", "response.text.delta"), "response.text published_types"),
    (
        "the part is output_text",
        edit("response.content_part.added", "part.type", "output_text"),
        "response.text part_types",
    ),
    ("other text in the end", edit("response.output_text.done", "text", "Good-bye."), "concat_text"),
    ("no event_id", edit("response.output_text.done", "event_id", ...), "event_ids"),
    ("a status of its own", edit("response.done", "response.status", "finished"), "response.text known_status"),
    ("no output", edit("response.done", "response.output", []), "final_output"),
    ("no usage", edit("response.done", "response.usage", None), "response.usage"),
    ("no metadata", edit("response.done", "response.metadata", None), "response.metadata"),
    ("a wrong predecessor", edit("conversation.item.added", "previous_item_id", "item_x"), "prev_chain"),
]


@pytest.mark.parametrize(("change", "rules"), [pytest.param(*each[1:], id=each[0]) for each in WRITTEN])
async def test_a_fault_in_a_written_answer_fails_the_rules_about_it_and_no_others(change: Change, rules: str) -> None:
    assert _failed(await _report(change, "response.usage")) == set(rules.split())


ELSEWHERE = [
    ("no greeting", drop("session.created"), "connect.realtime", "connect.realtime"),
    (
        "another greeting",
        rename("session.created", "session.begun"),
        "connect.realtime",
        "connect.realtime published_types",
    ),
    ("updates are not confirmed", drop("session.updated"), "session.sparse", "session.update"),
    (
        "half a configuration",
        edit("session.updated", "session.audio.input.turn_detection", {"type": "server_vad"}),
        "session.sparse",
        "session.full_echo session.null_vad",
    ),
    ("updates change more", edit("session.updated", "session.model", "another"), "session.sparse", "session.sparse"),
    (
        "an id of its own",
        edit("conversation.item.done", "item.id", "item_x"),
        "item.roles",
        "item.create item_added_done",
    ),
    ("other content", edit("conversation.item.done", "item.content", []), "item.roles", "item.same_content"),
    ("no deleted", drop("conversation.item.deleted"), "item.roles", "item.delete"),
    ("no added", drop("conversation.item.added"), "item.root", "item_added_done"),
    (
        "audio in an item",
        edit("conversation.item.done", "item.content.0.audio", "AAAA"),
        "item.root",
        "no_audio_in_items",
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
    (
        "aside in the conversation",
        edit("response.created", "response.conversation_id", "conv_1"),
        "oob.input",
        "oob.no_conversation",
    ),
    (
        "items of an aside",
        also("response.output_item.added", "conversation.item.added"),
        "oob.input",
        "response.out_of_band oob_silent item_added_done prev_chain",
    ),
    (
        "cancelled, it says nothing",
        edit("response.done", "response.status_details", None),
        "response.cancel",
        "response.cancel",
    ),
    (
        "cancelled, it is complete",
        edit("response.output_item.done", "item.status", "completed"),
        "cancel.open_dones",
        "cancel.open_dones",
    ),
    ("no speech_stopped", drop("input_audio_buffer.speech_stopped"), "vad.turn", "vad.turn"),
    (
        "speech is not noticed",
        drop("input_audio_buffer.speech_started"),
        "barge_in.websocket",
        "barge_in.websocket commit_item",
    ),
    (
        "an interruption says nothing",
        edit("response.done", "response.status_details", None),
        "barge_in.websocket",
        "barge_in.websocket",
    ),
    (
        "committed under another id",
        edit("input_audio_buffer.committed", "item_id", "item_x"),
        "vad.turn",
        "commit_item vad.turn prev_chain",
    ),
    (
        "committed late",
        swap("input_audio_buffer.committed", "conversation.item.done"),
        "vad.turn",
        "vad.turn commit_item",
    ),
    (
        "times of another clock",
        edit("input_audio_buffer.speech_stopped", "audio_end_ms", 10**9),
        "vad.turn",
        "vad.times",
    ),
    ("no cleared", drop("input_audio_buffer.cleared"), "manual.clear", "manual.clear"),
    (
        "no usage",
        edit("conversation.item.input_audio_transcription.completed", "usage", ...),
        "transcription.usage",
        "transcription.usage",
    ),
    (
        "transcribed before it is committed",
        swap("conversation.item.done", "conversation.item.input_audio_transcription.completed"),
        "transcription.usage",
        "transcription.turn",
    ),
    ("no code", edit("error", "error.code", "bad_request"), "error.response_active", "error.response_active"),
]


@pytest.mark.parametrize(("change", "only", "rules"), [pytest.param(*each[1:], id=each[0]) for each in ELSEWHERE])
async def test_a_fault_elsewhere_fails_the_rules_about_it_and_no_others(change: Change, only: str, rules: str) -> None:
    assert _failed(await _report(change, only)) == set(rules.split())


async def test_a_server_that_refuses_without_a_word_fails_every_rule_of_refusal() -> None:
    provoked = {rule_id for rule_id, rule in errors().items() if rule.provoke}
    async with serving(drop("error")) as open_transport:
        report = await run(open_transport, only=provoked, settings=Settings(timeout=0.05, pace=0))
    assert _failed(report) >= provoked
    assert not report.holds


async def test_an_error_with_an_id_that_was_never_sent_is_found() -> None:
    report = await _report(edit("error", "error.event_id", "event_of_nobody"), "error.invalid_json")
    assert _failed(report) - {"error.unknown_call"} == {"error_echo"}


async def test_a_server_that_is_right_fails_none_of_these() -> None:
    only = {each[2] for each in ELSEWHERE} | {"response.usage"}
    assert _failed(await _report(None, *only)) <= {"error.unknown_call"}
