"""A Live call is folded to figures that were worked out by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec.live import LIVE_CLASSES
from duologue.inspection import figures_of
from duologue.recording import Frame, RecordingLine
from tests.inspection._calls import as_server_recorded, in_order
from tests.inspection.live._live_calls import LOUD, SILENT, LiveCall, exchange, live_view


def test_a_turn_is_what_the_user_says_and_its_delays_count_from_the_last_word() -> None:
    view = live_view(exchange())
    first, second = view.turns
    assert (first.kind, first.end_from, first.user_text) == ("speech", "transcript", "What time is it?")
    assert first.end_of_speech_s == pytest.approx(2.8)  # 1800 ms of the session, which began at 1.0 s
    assert first.transcript_ms == 300  # the last word came at 3.1 s
    assert first.first_text_ms == 400  # at 3.2 s
    assert first.first_audio_ms == 600  # the first sound at 3.4 s
    assert first.first_heard_ms == 600
    assert first.answer_text == "It is noon, and the sun"
    assert first.is_interrupted
    assert (second.user_text, second.answer_text) == ("And where?", "Here.")
    assert second.end_of_speech_s == pytest.approx(5.8)
    assert (second.transcript_ms, second.first_text_ms, second.first_audio_ms) == (500, 700, 800)
    assert second.done_s == pytest.approx(7.4)
    assert not second.is_interrupted


def test_the_model_that_falls_silent_while_the_user_speaks_was_interrupted() -> None:
    view = live_view(exchange())
    (cut,) = view.interruptions
    assert (cut.turn, cut.item_id, cut.cut_by, cut.heard_ms) == (1, "speech_1", "silence", 2200)
    assert cut.at_s == pytest.approx(5.2)  # "And" at 4200 ms
    assert cut.yield_ms == 400  # silent from 5.6 s
    assert [(part.item_id, part.arrived_ms, part.heard_ms, part.underruns) for part in view.heard] == [
        ("speech_1", 2200, 2200, 0),
        ("speech_2", 800, 800, 0),
    ]


def test_delegations_errors_closes_and_sums_are_told() -> None:
    view = live_view(exchange())
    (tool,) = view.tools
    assert (tool.name, tool.call_id, tool.turn, tool.duration_ms) == ("delegation to client", "deleg_1", 2, 350)
    (error,) = view.errors
    assert (error.code, error.message, error.answers) == ("odd", "No.", "session.input_audio.mute")
    assert [mark.text for mark in view.marks] == [
        "the session is finished: close_requested",
        "by the client, code 1000",
    ]
    assert (view.session_id, view.model) == ("live_1", "gpt-live-1")
    assert (view.user_audio_ms, view.model_audio_ms) == (8000, 7800)
    figures = figures_of(view)
    assert (figures.turns, figures.interruptions, figures.errors, figures.underruns) == (2, 1, 1, 0)
    assert figures.first_audio is not None
    assert (figures.first_audio.shortest, figures.first_audio.longest) == (600, 800)


def test_the_other_side_and_a_recording_without_its_family_tell_the_same() -> None:
    view = live_view(exchange())
    served = live_view(as_server_recorded(exchange()), side="server")
    guessed = live_view(exchange(), family=None)
    assert served.turns == guessed.turns == view.turns
    assert served.interruptions == guessed.interruptions == view.interruptions


def test_an_acknowledgement_of_the_user_is_no_interruption() -> None:
    call = LiveCall()
    call.starts()
    call.streams(8.0)
    call.track(1.2, 8.0, (3.4, 6.0))
    call.hears(2.6, "Tell me.", 1000, 1800)
    call.says(3.2, "Once upon a time", 2300, 5000)
    call.hears(5.0, "Mhm.", 3400, 3600)
    assert live_view(in_order(call.lines)).interruptions == []


def test_an_acknowledgement_of_the_model_is_no_answer() -> None:
    call = LiveCall()
    call.starts()
    call.streams(9.0)
    call.track(1.2, 9.0, (2.6, 2.9), (5.4, 7.0))
    call.hears(2.4, "I was", 1000, 1400)
    call.says(2.5, "Mhm.", 1600, 1900)
    call.hears(3.5, " at the market,", 1800, 2400)
    call.hears(5.0, " and you?", 3000, 3800)
    call.says(5.2, "At home.", 4400, 5400)
    (turn,) = live_view(in_order(call.lines)).turns
    assert turn.user_text == "I was at the market, and you?"
    assert turn.end_of_speech_s == pytest.approx(4.8)
    assert turn.first_audio_ms == 600


def test_words_that_come_after_the_answer_has_begun_belong_to_the_question() -> None:
    call = LiveCall()
    call.starts()
    call.streams(8.0)
    call.track(1.2, 8.0, (3.0, 4.0), (6.5, 7.0))
    call.says(2.9, "Noon.", 2000, 3000)
    call.hears(3.3, "What time is it?", 1000, 1800)  # late: its answer is heard already
    call.says(6.4, "Here.", 5500, 6000)
    call.hears(6.8, "And where?", 4400, 4800)
    first, second = live_view(in_order(call.lines)).turns
    assert (first.kind, first.user_text, first.answer_text) == ("speech", "What time is it?", "Noon.")
    assert first.first_audio_ms == 200
    assert (second.user_text, second.answer_text) == ("And where?", "Here.")
    assert (second.first_text_ms, second.first_audio_ms) == (600, 700)


def test_a_model_that_speaks_first_was_not_asked() -> None:
    call = LiveCall()
    call.starts()
    call.track(1.2, 3.0, (1.4, 2.0))
    call.says(1.3, "Hello.", 300, 800)
    (turn,) = live_view(in_order(call.lines)).turns
    assert (turn.kind, turn.answer_text, turn.first_audio_ms) == ("unasked", "Hello.", None)


def test_sound_that_comes_late_is_an_underrun_and_silence_that_is_left_out_is_none() -> None:
    call = LiveCall()
    call.starts()
    for number, late_s in enumerate((0, 0, 0.05, 0.3, 0.3)):
        call.server(1.2 + number / 10 + late_s, "session.output_audio.delta", delta=LOUD)
    assert live_view(call.lines).heard[0].underruns == 1
    left_out = LiveCall()
    left_out.starts()
    left_out.server(1.2, "session.output_audio.delta", delta=LOUD, start_ms=200, end_ms=300)
    left_out.server(1.6, "session.output_audio.delta", delta=LOUD, start_ms=600, end_ms=700)
    left_out.server(5.2, "session.output_audio.delta", delta=LOUD, start_ms=4200, end_ms=4300)
    parts = live_view(left_out.lines).heard
    assert [(part.arrived_ms, part.underruns) for part in parts] == [(500, 0), (100, 0)]


_TEXT = st.text(max_size=5)
_VALUE = st.one_of(
    st.integers(-(2**40), 2**40), _TEXT, st.none(), st.sampled_from([LOUD, SILENT, "AA", "!"]), st.booleans()
)
_NAMES = "delta audio start_ms end_ms offset_ms delegation_id content reason".split()
_FORMAT = st.fixed_dictionaries({"type": _TEXT, "rate": _VALUE})
_EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(LIVE_CLASSES)), "event_id": _TEXT},
    optional=dict.fromkeys(_NAMES[1:], _VALUE)
    | {
        "session": st.fixed_dictionaries(
            {"id": _TEXT},
            optional={
                "audio": st.fixed_dictionaries({"format": st.fixed_dictionaries({"type": _TEXT, "rate": _VALUE})})
            },
        ),
        "delegation": st.fixed_dictionaries({"id": _TEXT, "target": _TEXT}),
        "error": st.dictionaries(_TEXT, _VALUE, max_size=2),
        "event": st.dictionaries(_TEXT, _VALUE, max_size=2),
    },
)


@given(st.lists(st.tuples(st.sampled_from(["sent", "received"]), _EVENT, st.floats(0, 1e6)), max_size=20))
def test_any_events_can_be_folded(events: list[tuple[str, dict[str, object], float]]) -> None:
    lines: list[RecordingLine] = [
        Frame(at_s=at_s, direction="sent" if direction == "sent" else "received", message=json.dumps(event))
        for direction, event, at_s in events
    ]
    view = live_view(lines)
    figures_of(view)
    assert sum(view.events.values()) == len(lines)
