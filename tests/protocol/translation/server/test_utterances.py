"""A stream of audio is cut into utterances."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.translation.server.utterances import SourceUtterance, Utterances

FRAME_MS = 20


def cut(*parts: tuple[int, float], flush: bool = True, frame_ms: int = FRAME_MS) -> list[tuple[int, int]]:
    """Where utterances begin and end, of parts of so many milliseconds that are detected with a probability."""
    utterances = Utterances()
    found: list[SourceUtterance] = []
    for ms, probability in parts:
        utterances.append(bytes(48 * ms))
        found += utterances.detected([probability] * (ms // frame_ms), frame_ms)
    found += utterances.flush() if flush else ()
    assert all(len(each.audio) == 48 * (each.end_ms - each.start_ms) for each in found)
    return [(each.start_ms, each.end_ms) for each in found]


SILENCE, SPEECH = 0.0, 1.0


def test_an_utterance_has_what_is_before_it_and_a_little_of_the_silence_behind_it() -> None:
    assert cut((1000, SILENCE), (1000, SPEECH), (1000, SILENCE)) == [(700, 2200)]


def test_a_long_turn_is_cut_at_its_next_pause_and_goes_on() -> None:
    spoken = cut((5000, SPEECH), (240, SILENCE), (1000, SPEECH), (600, SILENCE))
    assert len(spoken) == 2
    assert spoken[0][0] == 0
    assert spoken[0][1] == spoken[1][0] == 5200


def test_a_short_turn_is_not_cut_at_a_pause() -> None:
    assert cut((1000, SPEECH), (240, SILENCE), (1000, SPEECH), (600, SILENCE)) == [(0, 2440)]


def test_a_turn_that_ends_at_the_pause_where_it_was_cut_is_one_utterance() -> None:
    assert cut((5000, SPEECH), (1000, SILENCE)) == [(0, 5200)]
    assert cut((160 * 32, SPEECH), (32 * 32, SILENCE), frame_ms=32) == [(0, 166 * 32)]


def test_speech_without_any_pause_is_cut_where_it_is() -> None:
    assert cut((45_000, SPEECH), (600, SILENCE)) == [(0, 20_000), (20_000, 40_000), (40_000, 45_200)]


def test_the_end_of_the_input_ends_an_utterance() -> None:
    assert cut((600, SPEECH)) == [(0, 600)]
    assert cut((600, SPEECH), flush=False) == []


def test_a_click_is_no_utterance() -> None:
    assert cut((600, SILENCE), (60, SPEECH), (600, SILENCE)) == []


def test_silence_is_not_kept() -> None:
    utterances = Utterances()
    for _ in range(100):
        utterances.append(bytes(48_000))
        assert list(utterances.detected([SILENCE] * 50, FRAME_MS)) == []
        assert utterances.held_bytes <= 48 * 2000
    assert utterances.input_ms == 100_000


@pytest.mark.parametrize("piece_ms", [20, 100, 200])
def test_it_does_not_matter_how_the_audio_comes(piece_ms: int) -> None:
    whole = [(1000, SILENCE), (6000, SPEECH), (400, SILENCE), (2000, SPEECH), (1000, SILENCE)]
    pieces = [(piece_ms, probability) for ms, probability in whole for _ in range(ms // piece_ms)]
    assert cut(*pieces) == cut(*whole)


@given(st.lists(st.tuples(st.sampled_from([20, 100, 500, 3000]), st.sampled_from([0.0, 0.3, 0.6, 1.0])), max_size=40))
def test_utterances_come_in_order_and_do_not_overlap(parts: list[tuple[int, float]]) -> None:
    spoken = cut(*parts)
    total_ms = sum(ms for ms, _ in parts)
    assert all(start < end <= total_ms for start, end in spoken)
    assert all(before[1] <= after[0] for before, after in pairwise(spoken))
    assert all(end - start <= 20_020 for start, end in spoken)
