"""A translation session is folded to figures that were worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue.inspection import CallView, figures_of
from duologue.recording import Frame, RecordingLine
from tests.inspection._calls import in_order
from tests.inspection.live._live_calls import LOUD, SILENT, live_view


def interpreted() -> list[RecordingLine]:
    """Two sentences, with a pause of 2 s between them. Audio from 1.0 s on.

    The first lies at 600-2000 ms, spoken at 1.6-3.0 s; its translation is heard from 3.4 s. The second lies at
    4000-5000 ms, spoken at 5.0-6.0 s; its translation begins before it is over, at 5.8 s.
    """
    lines: list[RecordingLine] = []

    def add(at_s: float, direction: str, type_name: str, **fields: Any) -> None:
        text = json.dumps({"type": type_name, "event_id": f"e{len(lines)}", **fields})
        lines.append(Frame(at_s=at_s, direction="sent" if direction == "sent" else "received", message=text))

    session = {"type": "translation", "id": "tr_1", "model": "m", "audio": {}, "expires_at": 1}
    add(0.9, "received", "session.created", session=session)
    for number in range(1, 81):
        add(round(1 + number / 10, 3), "sent", "session.input_audio_buffer.append", audio=SILENT)
    add(2.9, "received", "session.input_transcript.delta", delta="Good", elapsed_ms=600)
    add(3.2, "received", "session.input_transcript.delta", delta=" day.", elapsed_ms=2000)
    add(3.3, "received", "session.output_transcript.delta", delta="Buenos días.", elapsed_ms=2200)
    for number in range(5):
        add(3.4 + number / 10, "received", "session.output_audio.delta", delta=LOUD, sample_rate=24000, channels=1)
    add(5.5, "received", "session.input_transcript.delta", delta=" How are", elapsed_ms=4000)
    add(5.8, "received", "session.output_audio.delta", delta=LOUD)
    add(6.4, "received", "session.input_transcript.delta", delta=" you?", elapsed_ms=5000)
    add(7.0, "received", "session.output_audio.delta", delta=LOUD, format="opus")
    add(8.0, "received", "error", error={"type": "t", "code": "odd", "message": "No.", "event_id": "e1"})
    return in_order(lines)


def view() -> CallView:
    return live_view(interpreted(), family="translation")


def test_what_is_said_up_to_a_pause_is_a_turn_with_its_delays() -> None:
    first, second = view().turns
    assert (first.user_text, first.answer_text) == ("Good day.", "Buenos días.")
    assert first.end_of_speech_s == pytest.approx(3.0)
    assert (first.transcript_ms, first.first_text_ms, first.first_audio_ms) == (200, 300, 400)
    assert first.done_s == pytest.approx(3.9)
    assert second.user_text == "How are you?"
    assert second.end_of_speech_s == pytest.approx(6.0)
    assert second.first_audio_ms == -200  # while the speaker went on


def test_sums_and_errors_are_told_and_sound_that_is_no_pcm_is_left_out() -> None:
    found = view()
    assert (found.user_audio_ms, found.model_audio_ms) == (8000, 600)
    assert [(error.code, error.answers) for error in found.errors] == [("odd", "session.input_audio_buffer.append")]
    assert (found.session_id, found.interruptions) == ("tr_1", [])
    assert figures_of(found).turns == 2
