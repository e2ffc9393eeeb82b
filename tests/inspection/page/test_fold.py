"""The lanes of small calls whose figures were worked out by hand: see `tests/inspection/_calls.py`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec.jsontext import write_text
from duologue.inspection.page import LaneFold, Redaction, call_content
from duologue.inspection.page.frame_texts import shown_line
from duologue.recording import Frame, Header, RecordingLine, SessionFamily, Side
from duologue.testing.strategies import frames
from tests.inspection._calls import Call, barge_in_call, push_to_talk_call, vad_call

HEADER = Header(started_at="2026-03-01T12:00:00+00:00", side="client")


def folded(lines: list[RecordingLine], header: Header = HEADER) -> LaneFold:
    fold = LaneFold(header)
    for line in lines:
        fold.push(line)
    fold.finish()
    return fold


def brackets(fold: LaneFold) -> list[tuple[int, str, int]]:
    return [(row.turn, row.kind, row.ms) for row in fold.lanes.brackets]


def frame_of(lines: list[RecordingLine], number: int) -> tuple[float, str]:
    line = lines[number]
    assert isinstance(line, Frame)
    return line.at_s, json.loads(line.message)["type"]


def test_a_call_with_turns_that_the_server_detects() -> None:
    lines = vad_call()
    fold = folded(lines)
    lanes = fold.lanes.to_json()
    assert lanes["user_speech"] == [[1.3, 2.6], [6.2, 7.2]]
    assert [(row["begin_s"], row["final_s"], row["text"]) for row in lanes["user_text"]] == [
        (pytest.approx(1.3), 3.2, "What time is it?")
    ]
    assert [row["heard"] for row in lanes["model_audio"]] == [[[3.34, 4.34, 0]], [[8.54, 8.84, 0]]]
    assert [(row["begin_s"], row["final_s"], row["ticks"]) for row in lanes["model_text"]] == [(3.25, 3.5, [3.25])]
    assert brackets(fold) == [
        (1, "endpointing", 450), (1, "created", 500), (1, "first_text", 650), (1, "first_audio", 700),
        (1, "first_heard", 740),
        (2, "endpointing", 500), (2, "created", 550), (2, "first_audio", 1300), (2, "first_heard", 1340),
    ]  # fmt: skip


def test_the_brackets_of_a_turn_are_its_figures_and_point_at_their_frames() -> None:
    lines = vad_call()
    fold = folded(lines)
    for turn in fold.call.view.turns:
        figures = {row.kind: row.ms for row in fold.lanes.brackets if row.turn == turn.number}
        assert figures["endpointing"] == turn.endpointing_ms
        assert figures["first_audio"] == turn.first_audio_ms
        assert figures["first_heard"] == turn.first_heard_ms
    first = {row.kind: row for row in fold.lanes.brackets if row.turn == 1}
    assert frame_of(lines, first["endpointing"].from_frame) == (2.6, "input_audio_buffer.append")
    assert frame_of(lines, first["endpointing"].to_frame) == (3.05, "input_audio_buffer.speech_stopped")
    assert frame_of(lines, first["created"].to_frame) == (3.1, "response.created")
    assert frame_of(lines, first["first_audio"].to_frame) == (3.3, "response.output_audio.delta")
    assert not isinstance(lines[first["first_heard"].to_frame], Frame), "the note of the player says it"


def test_a_call_with_a_button_and_an_underrun() -> None:
    lines = push_to_talk_call()
    fold = folded(lines)
    lanes = fold.lanes.to_json()
    assert lanes["user_speech"] == []
    assert lanes["model_audio"][0]["heard"] == [[2.55, 2.95, 0], [3.25, 3.65, 400]]
    assert lanes["model_audio"][0]["gaps"] == [[2.95, 3.25]]
    assert [(row["text"], row["begin_s"], row["final_s"]) for row in lanes["user_text"]] == [("And now?", 6.0, 6.0)]
    assert brackets(fold) == [
        (1, "created", 100), (1, "first_audio", 500), (1, "first_heard", 500),
        (2, "created", 190), (2, "first_text", 290),
    ]  # fmt: skip
    assert frame_of(lines, fold.lanes.brackets[0].from_frame) == (2.05, "input_audio_buffer.commit")


def test_a_call_in_which_the_user_interrupts() -> None:
    lines = barge_in_call()
    fold = folded(lines)
    cut = fold.lanes.to_json()["model_audio"][0]
    assert (cut["heard"], cut["unheard"], cut["cut_by"]) == ([[3.5, 4.68, 0]], [[4.68, 6.5, 1180]], "truncate")
    (barge_in,) = (row for row in fold.lanes.brackets if row.kind == "barge_in")
    assert (barge_in.turn, barge_in.ms) == (1, 20)
    assert frame_of(lines, barge_in.from_frame) == (4.7, "input_audio_buffer.speech_started")
    assert frame_of(lines, barge_in.to_frame) == (4.72, "conversation.item.truncate")
    talk = fold.talk()
    assert (talk.user_s, talk.model_s) == (1.8, 1.38)


@pytest.mark.parametrize("lines", [vad_call(), push_to_talk_call(), barge_in_call()], ids=["vad", "button", "barge-in"])
def test_rows_that_are_sent_as_they_change_add_up_to_the_rows_of_the_end(lines: list[RecordingLine]) -> None:
    fold, shown = LaneFold(HEADER), dict[tuple[str, int], Any]()
    for line in lines:
        for change in fold.push(line).lanes:
            shown[change.kind, change.index] = fold.lanes.row(change.kind, change.index)
    for change in fold.finish():
        shown[change.kind, change.index] = fold.lanes.row(change.kind, change.index)
    for kind, rows in fold.lanes.to_json().items():
        assert [shown[kind, index] for index in range(len(rows))] == rows


def test_peaks_of_the_model_lie_where_it_was_heard_and_stop_where_it_was_cut() -> None:
    call = Call()
    call.session(0.5, None)
    call.creates(1.0, "r")
    loud = base64.b64encode(b"\x00\x40" * 24_000).decode()
    call.server(1.0, "response.output_audio.delta", response_id="r", item_id="i", output_index=0, content_index=0,
                delta=loud)  # fmt: skip
    call.client(1.5, "conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=400)
    call.ends(3.0, "r")
    fold = folded(call.lines)
    peaks = fold.model.peaks(fold.duration_s, fold.call.view)
    assert [number for number, peak in enumerate(peaks) if peak] == list(range(100, 140))
    assert peaks[100] == 127


def test_loud_audio_of_the_user_makes_a_bar_of_our_own() -> None:
    call = Call()
    call.session(0.0, None)
    for number in range(1, 31):
        loud = b"\x00\x40" * 2400 if 11 <= number <= 20 else bytes(4800)
        call.client(number / 10, "input_audio_buffer.append", audio=base64.b64encode(loud).decode())
    assert folded(call.lines).lanes.to_json()["user_energy"] == [[1.0, 2.0]]


def test_speech_that_goes_on_ends_with_the_call() -> None:
    lines = [line for line in vad_call() if getattr(line, "at_s", 0.0) < 3.0]
    fold = LaneFold(HEADER)
    for line in lines:
        fold.push(line)
    assert fold.lanes.to_json()["user_speech"] == [[1.3, None]]
    fold.finish()
    assert fold.lanes.to_json()["user_speech"] == [[1.3, fold.duration_s]]


@pytest.mark.parametrize("family", ["live", "translation"])
def test_other_families_have_frames_sounds_and_errors(family: str) -> None:
    call = Call()
    append = "session.input_audio.append" if family == "live" else "session.input_audio_buffer.append"
    loud = base64.b64encode(b"\x00\x40" * 2400).decode()
    call.client(0.1, append, audio=loud)
    call.server(0.5, "session.output_audio.delta", delta=loud)
    call.server(0.6, "session.output_audio.delta", delta=loud)
    call.server(0.7, "error", error={"type": "x", "code": "odd", "message": "No."})
    fold = folded(call.lines, Header(started_at="2026-03-01T12:00:00+00:00", side="client", family=family))
    assert len(fold.frames) == 4
    assert [each.code for each in fold.call.view.errors] == ["odd"]
    user, model = fold.user.peaks(1.0), fold.model.peaks(1.0, fold.call.view)
    assert [number for number, peak in enumerate(user) if peak] == list(range(10))
    assert [number for number, peak in enumerate(model) if peak] == list(range(50, 70))


def test_audio_that_is_none_changes_nothing() -> None:
    call = Call()
    call.session(0.0, None)
    call.client(0.1, "input_audio_buffer.append", audio="%%%")
    call.client(0.2, "input_audio_buffer.append", audio="AAA")
    call.client(0.2, "input_audio_buffer.append", audio="")
    fold = folded(call.lines)
    assert fold.user.track.stretches == []
    assert len(fold.frames) == 4


def test_calls_are_compared_only_where_the_fold_was_asked_to() -> None:
    with pytest.raises(ValueError, match="digests"):
        folded([]).user.digest()


@given(
    data=st.data(),
    family=st.sampled_from(["realtime", "live", "translation"]),
    side=st.sampled_from(["client", "server"]),
)
def test_frames_of_any_kind_in_any_order_make_a_call_that_can_be_written(
    data: st.DataObject, family: SessionFamily, side: Side
) -> None:
    lines = data.draw(
        st.lists(
            st.builds(
                lambda at_s, direction, frame: Frame(at_s=at_s, direction=direction, message=json.dumps(frame)),
                st.floats(-1, 100),
                st.sampled_from(["sent", "received"]),
                frames(family),
            ),
            max_size=15,
        )
    )
    header = Header(started_at="", side=side, family=family)
    fold, redaction = LaneFold(header), Redaction(frozenset({"text", "tools"}))
    for line in lines:
        changes = fold.push(line)
        assert json.loads(shown_line(line, changes.content, redaction, fold.call.read))
        assert write_text([fold.lanes.row(each.kind, each.index) for each in changes.lanes])
    fold.finish()
    assert write_text(call_content(header, fold, redaction, title="any"))
    assert write_text(fold.frames.columns())
