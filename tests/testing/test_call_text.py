"""Calls as lines of text."""

from __future__ import annotations

import re

import msgspec

from duologue.recording import Frame
from duologue.testing.call_text import normalised, timeline_tail
from tests.inspection._calls import barge_in_call, push_to_talk_call, vad_call, view_of


def test_a_call_is_lines_in_which_ids_are_numbers() -> None:
    assert normalised(view_of(push_to_talk_call())) == [
        "← session.created",
        "→ input_audio_buffer.append audio 1.00 s",
        "→ input_audio_buffer.commit",
        "→ response.create",
        "← input_audio_buffer.committed item_1",
        "← response.created response_1",
        "← response.output_audio.delta response_1 item_2 audio 0.80 s",
        "← response.done response_1",
        "→ conversation.item.create",
        "→ response.create",
        "← error",
        "→ response.create",
        "← response.created response_2",
        "← response.output_text.delta response_2 item_3",
        "← response.done response_2",
    ]


def test_a_line_may_have_a_time_and_a_text_and_may_be_without_its_audio() -> None:
    lines = normalised(view_of(vad_call()), bucket_ms=100)
    assert lines[1] == "+600 ms → input_audio_buffer.append audio 4.10 s"
    assert "← conversation.item.input_audio_transcription.completed item_1 'What time is it?'" in " ".join(lines)
    plain = normalised(view_of(vad_call()), audio=False, text=False)
    assert plain[1] == "→ input_audio_buffer.append"
    assert "noon" not in " ".join(plain)


def test_the_same_call_with_other_ids_has_the_same_lines() -> None:
    other = [
        msgspec.structs.replace(line, message=re.sub(r'"item_(\d)', r'"item_x\1', str(line.message)))
        for line in barge_in_call()
        if isinstance(line, Frame)
    ]
    assert normalised(view_of(barge_in_call())) == normalised(view_of(other))


def test_the_end_of_a_call_is_shown_with_its_times() -> None:
    shown = timeline_tail(view_of(push_to_talk_call()), lines=2).splitlines()
    assert shown[0] == "the last 2 of 15 events:"
    assert shown[1] == "      6.300 ← response.output_text.delta"
