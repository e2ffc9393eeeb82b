from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.events import SemanticVad, ServerVad
from duologue.protocol.turns import MIN_SPEECH_MS, SpeechStarted, SpeechStopped, TurnDetector, TurnSettings


def judge(
    detector: TurnDetector, *runs: tuple[float, int], frame_ms: float = 32
) -> list[SpeechStarted | SpeechStopped]:
    """Runs of frames: a probability, and how often it comes."""
    probabilities = [probability for probability, times in runs for _ in range(times)]
    return list(detector.judge(probabilities, frame_ms, TurnSettings()))


def test_a_turn_begins_where_its_speech_began_and_ends_where_the_silence_was_long_enough() -> None:
    assert judge(TurnDetector(), (0.1, 10), (0.9, 20), (0.1, 20)) == [SpeechStarted(320), SpeechStopped(960 + 512)]


def test_a_run_of_speech_must_last() -> None:
    frames = MIN_SPEECH_MS // 32
    assert judge(TurnDetector(), (0.9, frames - 1), (0.1, 50)) == []
    assert judge(TurnDetector(), (0.9, frames)) == [SpeechStarted(0)]


def test_speech_ends_at_a_lower_probability_than_it_begins_at() -> None:
    detector = TurnDetector()
    assert judge(detector, (0.45, 50)) == []
    judge(detector, (0.9, 10))
    assert judge(detector, (0.45, 50)) == []
    assert len(judge(detector, (0.3, 50))) == 1


def test_a_forgotten_turn_ends_without_a_word_and_the_next_one_begins_afresh() -> None:
    detector = TurnDetector()
    judge(detector, (0.9, 10))
    detector.forget()
    assert not detector.speaking
    assert judge(detector, (0.1, 50)) == []
    assert judge(detector, (0.9, 3)) == [SpeechStarted(60 * 32)]


def test_what_was_not_said_about_turn_detection_has_a_default() -> None:
    assert TurnSettings.of(ServerVad(threshold=None)) == TurnSettings()
    assert TurnSettings.of(SemanticVad(eagerness=None)).silence_duration_ms == 1000
    assert TurnSettings.of(SemanticVad(eagerness="sleepy", create_response=False)) == TurnSettings(
        silence_duration_ms=1000, create_response=False
    )


@pytest.mark.parametrize("frame_ms", [10, 20, 30, 31.25, 32])
@given(probabilities=st.lists(st.sampled_from([0.0, 0.4, 0.6, 1.0]), max_size=300), cut=st.integers(1, 50))
def test_turns_alternate_in_order_however_the_frames_are_cut(
    frame_ms: float, probabilities: list[float], cut: int
) -> None:
    whole, pieces = TurnDetector(), TurnDetector()
    events = list(whole.judge(probabilities, frame_ms, TurnSettings()))
    cut_events = [
        event
        for start in range(0, len(probabilities), cut)
        for event in pieces.judge(probabilities[start : start + cut], frame_ms, TurnSettings())
    ]
    assert cut_events == events
    assert [isinstance(event, SpeechStarted) for event in events] == [n % 2 == 0 for n in range(len(events))]
    positions = [event.audio_ms for event in events]
    assert positions == sorted(positions)
