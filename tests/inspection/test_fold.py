"""Calls are folded to figures that were worked out by hand."""

from __future__ import annotations

import json

import pytest

from duologue.inspection import CallFold, Change, figures_of
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    FaultNote,
    Frame,
    MarkNote,
    NoteLine,
    RecordingLine,
    UnknownLine,
    UnknownNote,
)
from tests.inspection._calls import (
    SERVER_VAD,
    Call,
    as_server_recorded,
    audio_text,
    barge_in_call,
    in_order,
    push_to_talk_call,
    vad_call,
    view_of,
)


def test_a_call_whose_turns_the_server_detects() -> None:
    view = view_of(vad_call())
    first, second = view.turns
    assert (first.kind, first.item_id, first.user_text) == ("speech", "item_1", "What time is it?")
    assert first.end_from == "server_vad"
    assert first.end_of_speech_s == pytest.approx(2.6)  # 2000 - 400 ms of silence, spoken 1.6 s after 1.0 s
    assert first.endpointing_ms == 450  # stopped at 3.05
    assert first.transcript_ms == 600  # final at 3.2
    assert first.first_text_ms == 650  # at 3.25
    assert first.first_audio_ms == 700  # at 3.3
    assert first.first_heard_ms == 740  # 40 ms were heard by 3.38
    assert (first.answer_text, first.status, first.is_interrupted) == ("It is noon.", "completed", False)
    assert second.end_of_speech_s == pytest.approx(7.2)
    assert (second.endpointing_ms, second.first_audio_ms, second.first_heard_ms) == (500, 1300, 1340)
    assert second.response_ids == ["resp_2", "resp_3"]


def test_functions_of_a_call_have_how_long_they_ran() -> None:
    view = view_of(vad_call())
    (tool,) = view.tools
    assert (tool.name, tool.call_id, tool.turn, tool.arguments) == ("multiply", "call_1", 2, '{"a":7,"b":8}')
    assert (tool.asked_s, tool.answered_s) == (7.9, 8.2)
    assert tool.duration_ms == 250  # by the notes
    without = view_of([line for line in vad_call() if not isinstance(line, NoteLine)])
    assert without.tools[0].duration_ms == 300  # from its arguments to its output


def test_responses_of_a_call_have_their_requests_and_tokens() -> None:
    view = view_of(vad_call())
    told = [(each.response_id, each.turn, each.requested_s, each.status, each.tokens) for each in view.responses]
    assert told == [
        ("resp_1", 1, None, "completed", 30),
        ("resp_2", 2, None, "completed", 30),
        ("resp_3", 2, 8.21, "completed", 30),
    ]
    assert (view.tokens.input, view.tokens.output, view.tokens.total) == (30, 60, 90)
    assert (view.user_audio_ms, view.model_audio_ms) == (4100, 1300)
    assert view.session_id == "sess_1"


def test_what_the_player_noted_was_heard() -> None:
    view = view_of(vad_call())
    assert [(part.item_id, part.arrived_ms, part.heard_ms, part.cut_by) for part in view.heard] == [
        ("item_2", 1000, 1000, None),
        ("item_6", 300, 300, None),
    ]
    assert view.interruptions == []


def test_a_call_by_push_to_talk() -> None:
    view = view_of(push_to_talk_call())
    spoken, typed = view.turns
    assert (spoken.kind, spoken.item_id, spoken.end_from, spoken.end_of_speech_s) == (
        "push_to_talk",
        "item_1",
        "commit",
        2.05,
    )
    assert (spoken.first_audio_ms, spoken.first_heard_ms) == (500, 500)
    assert spoken.endpointing_ms is None
    assert view.heard[0].underruns == 1
    assert (typed.kind, typed.user_text, typed.end_of_speech_s) == ("typed", "And now?", 6.01)
    assert (typed.first_text_ms, typed.first_audio_ms) == (290, None)
    assert [(each.response_id, each.requested_s) for each in view.responses] == [("resp_1", 2.06), ("resp_2", 6.1)]
    assert [(each.code, each.answers) for each in view.errors] == [("odd", "response.create")]


def test_a_call_with_an_interruption_that_the_client_cuts_to_what_was_heard() -> None:
    view = view_of(barge_in_call())
    (cut,) = view.interruptions
    assert (cut.turn, cut.item_id, cut.heard_ms, cut.arrived_ms, cut.cut_by) == (1, "item_2", 1180, 3000, "truncate")
    assert (cut.at_s, cut.yield_ms) == (4.7, 20)
    assert [turn.is_interrupted for turn in view.turns] == [True, False]
    first, second = view.turns
    assert (first.status, first.first_audio_ms) == ("cancelled", 900)
    assert view.responses[0].reason == "turn_detected"
    assert second.end_of_speech_s == pytest.approx(4.9)
    assert (second.endpointing_ms, second.first_audio_ms, second.first_heard_ms) == (500, 800, 800)


def test_without_a_truncate_the_speech_of_the_user_cuts_where_the_session_interrupts() -> None:
    lines = [line for line in barge_in_call() if not (isinstance(line, Frame) and "item.truncate" in str(line.message))]
    (cut,) = view_of(lines).interruptions
    assert (cut.heard_ms, cut.cut_by, cut.yield_ms) == (1200, "speech_started", 0)  # from 3.5 to 4.7
    talk_over = [
        Frame(at_s=line.at_s, direction=line.direction, message=str(line.message).replace(
            '"interrupt_response": true', '"interrupt_response": false'))
        for line in lines
        if isinstance(line, Frame)
    ]  # fmt: skip
    assert view_of([*talk_over]).interruptions == []


def test_notes_of_the_player_say_more_than_the_truncate() -> None:
    lines = barge_in_call()
    notes = Call()
    notes.heard(3.55, "item_2", 20)
    notes.heard(4.71, "item_2", 1150, is_over=True)
    (cut,) = view_of(in_order([*lines, *notes.lines])).interruptions
    assert (cut.at_s, cut.heard_ms, cut.cut_by, cut.yield_ms) == (4.7, 1150, "playback", 10)


def test_speech_that_was_heard_to_its_end_was_not_interrupted_however_early_the_next_turn_came() -> None:
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.creates(1.0, "resp_1")
    call.says(1.1, "resp_1", "item_1", 2000)
    call.heard(1.2, "item_1", 2000, is_over=True)
    call.server(1.5, "input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
    assert view_of(call.lines).interruptions == []


@pytest.mark.parametrize("lines", [push_to_talk_call(), barge_in_call()], ids=["push to talk", "barge-in"])
def test_the_recording_of_the_server_has_the_same_call(lines: list[Frame]) -> None:
    ours, theirs = view_of([*lines]), view_of(as_server_recorded([*lines]), side="server")
    theirs.side = "client"
    assert ours == theirs


def test_audio_that_is_sent_faster_than_it_is_spoken_gives_no_figures() -> None:
    call = Call()
    call.session(0.5, SERVER_VAD)
    for _ in range(30):
        call.speaks(0.9, 1.0)
    call.server(1.1, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(1.2, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2500)
    (turn,) = view_of(call.lines).turns
    assert (turn.end_of_speech_s, turn.first_audio_ms) == (None, None)
    assert turn.withheld == "its audio was sent faster than it was spoken"
    assert figures_of(view_of(call.lines)).withheld == 1


def test_a_server_that_was_sent_a_whole_clip_at_once_has_no_figures() -> None:
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.client(1.0, "input_audio_buffer.append", audio=audio_text(3000))
    call.server(1.02, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(1.03, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2200)
    call.creates(1.04, "resp_1")
    call.says(1.05, "resp_1", "item_2", 500)
    view = view_of(as_server_recorded(call.lines), side="server")
    (turn,) = view.turns
    assert (turn.end_of_speech_s, turn.first_audio_ms) == (None, None)
    assert turn.withheld == "its audio was sent faster than it was spoken"


def test_a_silence_that_was_changed_counts_from_when_the_server_confirmed_it() -> None:
    lines = vad_call()
    call = Call()
    call.session(5.0, {**SERVER_VAD, "silence_duration_ms": 200})
    (told,) = call.lines
    assert isinstance(told, Frame)
    changed = Frame(
        at_s=5.0, direction="received", message=str(told.message).replace("session.created", "session.updated")
    )
    first, second = view_of(in_order([*lines, changed])).turns
    assert first.end_of_speech_s == pytest.approx(2.6)
    assert second.end_of_speech_s == pytest.approx(7.4)


def test_with_semantic_vad_the_end_is_what_the_server_says_and_is_called_so() -> None:
    call = Call()
    call.session(0.5, {"type": "semantic_vad"})
    call.speaks(1.0, 3.1)
    call.server(1.45, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(3.05, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2000)
    (turn,) = view_of(call.lines).turns
    assert turn.end_of_speech_s == pytest.approx(3.0)
    assert (turn.end_from, turn.endpointing_ms) == ("semantic_vad", 50)


def test_a_call_goes_on_over_another_connection_whose_audio_counts_anew() -> None:
    lines = vad_call()
    call = Call()
    call.session(20.5, SERVER_VAD)
    call.speaks(21.0, 23.1)
    call.server(21.45, "input_audio_buffer.speech_started", item_id="item_11", audio_start_ms=300)
    call.server(23.05, "input_audio_buffer.speech_stopped", item_id="item_11", audio_end_ms=2000)
    again = [
        Frame(at_s=line.at_s, direction=line.direction, message=line.message, connection=2)
        for line in call.lines
        if isinstance(line, Frame)
    ]
    lost: list[RecordingLine] = [
        ClosedLine(at_s=20.0, code=1006, by="network"),
        ConnectedLine(at_s=20.4, url="wss://a", connection=2),
    ]
    view = view_of([*lines, *lost, *in_order([*again])])
    assert view.turns[2].end_of_speech_s == pytest.approx(22.6)
    assert [(each.kind, each.text) for each in view.marks] == [
        ("closed", "by the network, code 1006"),
        ("connected", "wss://a"),
    ]
    assert [each.code for each in view.errors] == ["1006"]


def test_what_a_client_restores_on_another_connection_is_no_turn() -> None:
    typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Of before"}]}
    call = Call()
    call.client(20.6, "conversation.item.create", item=typed)
    call.speaks(21.0, 21.2)
    call.client(21.5, "response.create")
    lines = [*vad_call(), ConnectedLine(at_s=20.0, connection=2), *call.lines]
    assert [turn.kind for turn in view_of(lines).turns] == ["speech", "speech"]


def test_marks_and_what_is_not_known_leave_the_rest_as_it_is() -> None:
    lines: list[RecordingLine] = [
        NoteLine(at_s=1, note=MarkNote(text="here")),
        NoteLine(at_s=2, note=FaultNote(name="reset")),
        NoteLine(at_s=2, note=UnknownNote(fields={"kind": "mood"})),
        UnknownLine(fields={"weather": 1}),
        Frame(at_s=3, direction="received", message="garbage"),
        Frame(at_s=3, direction="received", message=b"\xff"),
        Frame(at_s=3, direction="received", message='{"type":"new.thing","event_id":"e"}'),
        Frame(at_s=3, direction="received", message='{"event_id":"e"}'),
    ]
    view = view_of(lines)
    assert [(each.kind, each.text) for each in view.marks] == [("mark", "here"), ("fault", "reset")]
    assert view.events == {"(unreadable)": 2, "new.thing": 1, "(no type)": 1}
    assert view.unknown == 2
    assert view.last_at_s == 3


def test_each_line_says_which_rows_it_has_changed() -> None:
    fold = CallFold()
    told = [change for line in barge_in_call() for change in fold.push(line)]
    assert {change.kind for change in told} == {"turns", "responses", "heard", "interruptions"}
    assert Change("interruptions", 0) in told
    for change in told:
        assert len(getattr(fold.view, change.kind)) > change.index


def test_the_view_as_json_has_times_and_figures() -> None:
    shown = view_of(barge_in_call()).to_json()
    assert shown["turns"][0]["first_audio_ms"] == 900
    assert shown["interruptions"][0]["yield_ms"] == 20
    assert json.loads(json.dumps(shown)) == shown


def test_a_call_without_end_is_bounded() -> None:
    fold = CallFold()
    for number in range(12_000):
        fold.push(NoteLine(at_s=number, note=MarkNote(text="x" * 5000)))
    assert (len(fold.view.marks), fold.view.dropped) == (10_000, 2_000)
    assert len(fold.view.marks[0].text) == 4001
