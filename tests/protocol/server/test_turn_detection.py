from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from duologue.events import SemanticVad, ServerVad
from duologue.protocol.server.turn_detection import (
    MIN_SPEECH_MS,
    PAUSE_MS,
    TurnEnded,
    TurnEvent,
    TurnPaused,
    TurnResumed,
    TurnSettings,
    TurnStarted,
    VadTurns,
)

MEDIUM = TurnSettings.of(SemanticVad(eagerness="medium"))


def judge_all(
    detector: VadTurns, *runs: tuple[float, int], frame_ms: float = 32, settings: TurnSettings | None = None
) -> list[TurnEvent]:
    """Runs of frames: a probability, and how often it comes."""
    probabilities = [probability for probability, times in runs for _ in range(times)]
    return list(detector.push(probabilities, frame_ms, settings or TurnSettings()))


def push(detector: VadTurns, *runs: tuple[float, int], frame_ms: float = 32) -> list[TurnEvent]:
    """The events as the client gets them: without what happens inside a turn."""
    events = judge_all(detector, *runs, frame_ms=frame_ms)
    return [event for event in events if isinstance(event, TurnStarted | TurnEnded)]


def test_a_turn_begins_where_its_speech_began_and_ends_where_the_silence_was_long_enough() -> None:
    assert push(VadTurns(), (0.1, 10), (0.9, 20), (0.1, 20)) == [TurnStarted(320), TurnEnded(960 + 512)]


def test_a_run_of_speech_must_last() -> None:
    frames = MIN_SPEECH_MS // 32
    assert push(VadTurns(), (0.9, frames - 1), (0.1, 50)) == []
    assert push(VadTurns(), (0.9, frames)) == [TurnStarted(0)]


def test_speech_ends_at_a_lower_probability_than_it_begins_at() -> None:
    detector = VadTurns()
    assert push(detector, (0.45, 50)) == []
    push(detector, (0.9, 10))
    assert push(detector, (0.45, 50)) == []
    assert len(push(detector, (0.3, 50))) == 1


def test_a_forgotten_turn_ends_without_a_word_and_the_next_one_begins_afresh() -> None:
    detector = VadTurns()
    push(detector, (0.9, 10))
    detector.reset()
    assert not detector.speaking
    assert push(detector, (0.1, 50)) == []
    assert push(detector, (0.9, 3)) == [TurnStarted(60 * 32)]


def test_what_was_not_said_about_turn_detection_has_a_default() -> None:
    assert TurnSettings.of(ServerVad(threshold=None)) == TurnSettings()
    assert TurnSettings.of(SemanticVad(eagerness=None)) == MEDIUM
    assert TurnSettings.of(SemanticVad(eagerness="sleepy", create_response=False)) == replace(
        MEDIUM, create_response=False
    )


# --- pauses inside a turn


def test_a_silence_inside_a_turn_is_a_pause_before_it_is_an_end() -> None:
    assert judge_all(VadTurns(), (0.9, 20), (0.1, 6)) == [TurnStarted(0), TurnPaused(640 + PAUSE_MS)]
    assert judge_all(VadTurns(), (0.9, 20), (0.1, 16))[-1] == TurnEnded(640 + 512)


def test_speech_after_a_pause_resumes_the_turn() -> None:
    events = judge_all(VadTurns(), (0.9, 20), (0.1, 8), (0.9, 1), (0.1, 6))
    assert events[1:] == [TurnPaused(832), TurnResumed(928), TurnPaused(928 + PAUSE_MS)]


def test_a_murmur_in_a_pause_undoes_the_pause_but_not_the_silence() -> None:
    events = judge_all(VadTurns(), (0.9, 20), (0.1, 7), (0.3, 1), (0.1, 8))
    assert events[1:] == [TurnPaused(832), TurnResumed(896), TurnPaused(1088), TurnEnded(640 + 512)]


@pytest.mark.parametrize("silence_ms", [32, 100, PAUSE_MS])
def test_a_silence_as_short_as_a_pause_ends_the_turn_without_one(silence_ms: int) -> None:
    settings = TurnSettings(silence_duration_ms=silence_ms)
    events = judge_all(VadTurns(), (0.9, 20), (0.1, 6), settings=settings)
    assert [type(event) for event in events] == [TurnStarted, TurnEnded]


def test_a_complete_turn_ends_soon_and_an_incomplete_one_at_the_cap() -> None:
    detector = VadTurns()
    judge_all(detector, (0.9, 20), (0.1, 6), settings=MEDIUM)
    assert detector.end_of_turn_estimated(1.0, MEDIUM) is None
    assert judge_all(detector, (0.1, 5), settings=MEDIUM) == [TurnEnded(640 + 352)]
    detector = VadTurns()
    judge_all(detector, (0.9, 20), (0.1, 6), settings=MEDIUM)
    assert detector.end_of_turn_estimated(0.0, MEDIUM) is None
    assert judge_all(detector, (0.1, 118), settings=MEDIUM) == []
    assert judge_all(detector, (0.1, 1), settings=MEDIUM) == [TurnEnded(640 + 4000)]


def test_an_estimate_that_comes_late_ends_the_turn_at_once() -> None:
    detector = VadTurns()
    judge_all(detector, (0.9, 20), (0.1, 30), settings=MEDIUM)
    assert detector.end_of_turn_estimated(1.0, MEDIUM) == TurnEnded(640 + 960)
    assert not detector.speaking


def test_an_estimate_holds_for_its_pause_only() -> None:
    detector = VadTurns()
    judge_all(detector, (0.9, 20), (0.1, 6), settings=MEDIUM)
    detector.end_of_turn_estimated(1.0, MEDIUM)
    resumed = judge_all(detector, (0.9, 5), (0.1, 60), settings=MEDIUM)
    assert [type(event) for event in resumed] == [TurnResumed, TurnPaused]
    judge_all(detector, (0.9, 1), settings=MEDIUM)
    assert detector.end_of_turn_estimated(1.0, MEDIUM) is None
    assert detector.speaking


@pytest.mark.parametrize("eagerness", ["low", "medium", "auto", "high"])
def test_the_more_complete_the_shorter_the_wait_within_the_caps(eagerness: str) -> None:
    settings = TurnSettings.of(SemanticVad(eagerness=eagerness))
    waits_ms = [settings.wait_ms(completeness / 10) for completeness in range(-1, 12)]
    assert waits_ms == sorted(waits_ms, reverse=True)
    assert waits_ms[0] == {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}[eagerness]
    assert 300 <= waits_ms[-1] <= 500


def test_completeness_changes_nothing_where_silence_decides() -> None:
    assert TurnSettings(silence_duration_ms=700).wait_ms(1.0) == 700


@pytest.mark.parametrize("frame_ms", [10, 20, 30, 31.25, 32])
@given(probabilities=st.lists(st.sampled_from([0.0, 0.4, 0.6, 1.0]), max_size=300), cut=st.integers(1, 50))
def test_turns_alternate_in_order_however_the_frames_are_cut(
    frame_ms: float, probabilities: list[float], cut: int
) -> None:
    whole, pieces = VadTurns(), VadTurns()
    events = list(whole.push(probabilities, frame_ms, TurnSettings()))
    cut_events = [
        event
        for start in range(0, len(probabilities), cut)
        for event in pieces.push(probabilities[start : start + cut], frame_ms, TurnSettings())
    ]
    assert cut_events == events
    inside = [event for event in events if isinstance(event, TurnPaused | TurnResumed)]
    events = [event for event in events if event not in inside]
    assert [isinstance(event, TurnStarted) for event in events] == [n % 2 == 0 for n in range(len(events))]
    positions = [event.audio_ms for event in events]
    assert positions == sorted(positions)


@given(
    runs=st.lists(st.lists(st.sampled_from([0.0, 0.3, 0.4, 0.6, 1.0]), max_size=12), max_size=60),
    threshold=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
def test_what_goes_on_changes_nothing_but_the_time(runs: list[list[float]], threshold: float) -> None:
    settings = replace(TurnSettings(), threshold=threshold)
    ordinary, short = VadTurns(), VadTurns()
    for probabilities in runs:
        expected = list(ordinary.push(probabilities, 20, settings))
        if short.goes_on(probabilities, 20, threshold):
            assert expected == []
        else:
            assert list(short.push(probabilities, 20, settings)) == expected
        assert vars(short) == vars(ordinary)
