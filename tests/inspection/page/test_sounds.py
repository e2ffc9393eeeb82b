"""Audio in the time of a call."""

from __future__ import annotations

import io

import pytest

from duologue.inspection.page.sounds import CallTrack, FileStore, StoredSound

RATE_HZ = 8000
MS = 16
"""Bytes of a millisecond."""


def track(*pieces: tuple[float, int], leads: bool = False) -> CallTrack:
    made = CallTrack(None, leads=leads)
    for at_s, ms in pieces:
        made.push(bytes(ms * MS), RATE_HZ, at_s, 1)
    return made


def places(made: CallTrack) -> list[tuple[float, float]]:
    return [(round(each.begin_s, 3), round(each.end_s, 3)) for each in made.stretches]


def test_pieces_lie_before_the_moment_at_which_they_were_sent_without_breaks() -> None:
    assert places(track((1.1, 100), (1.2, 100), (1.31, 100))) == [(1.0, 1.3)]


def test_a_pause_of_the_sender_is_a_break() -> None:
    assert places(track((1.1, 100), (1.5, 100), (1.6, 100))) == [(1.0, 1.1), (1.4, 1.6)]


def test_what_a_program_that_stood_still_sends_late_lies_where_it_was_spoken() -> None:
    made = track((1.1, 100), (1.8, 100), (1.801, 100), (1.802, 100), (1.803, 100), (1.804, 100), (1.805, 100))
    assert places(made) == [(1.0, 1.1), (1.205, 1.805)]


def test_a_file_that_is_sent_at_once_lies_behind_its_first_piece() -> None:
    made = track(*((5.0, 100) for _ in range(50)))
    assert places(made) == [(4.78, 9.78)]


def test_output_that_is_played_when_it_comes_lies_behind_that_moment() -> None:
    assert places(track((1.0, 100), (1.05, 100), (2.0, 100), leads=True)) == [(1.0, 1.2), (2.0, 2.1)]


def test_positions_of_a_session_are_found_on_both_sides_of_a_break() -> None:
    made = track((1.1, 100), (1.5, 100))
    assert made.at_s(50, 1) == pytest.approx(1.05)
    assert made.at_s(100, 1) == pytest.approx(1.1)
    assert made.at_s(150, 1) == pytest.approx(1.45)
    assert made.at_s(900, 1) == pytest.approx(1.5), "not sent yet: the end"
    assert made.at_s(50, 2) is None
    made.restart(1)
    made.push(bytes(100 * MS), RATE_HZ, 9.0, 1)
    assert made.at_s(50, 1) == pytest.approx(8.95)


def test_another_rate_begins_another_stretch() -> None:
    made = track((1.1, 100))
    made.push(bytes(4800), 24_000, 1.2, 1)
    assert places(made) == [(1.0, 1.1), (1.1, 1.2)]


def test_samples_come_back_from_the_store_also_where_two_sounds_take_turns() -> None:
    store = FileStore(io.BytesIO())
    one, two = StoredSound(RATE_HZ, store), StoredSound(RATE_HZ, store)
    for number in range(4):
        one.add(bytes([number + 1]) * 10 * MS)
        assert two.read(0.0, 0.001) == bytes([9] * MS if number else [])
        two.add(bytes([9]) * 10 * MS)
    assert one.read(0.005, 0.025) == bytes([1] * 5 * MS + [2] * 10 * MS + [3] * 5 * MS)
    assert one.read(0.03, 9.0) == bytes([4] * 10 * MS)
    assert len(one.peaks) == 4
    assert one.peaks_between(0.01, 0.03) == bytes(one.peaks[1:3])


def test_without_a_store_there_are_peaks_alone() -> None:
    sound = StoredSound(RATE_HZ, None)
    sound.add(bytes(30 * MS))
    assert sound.read(0, 1) == b""
    assert len(sound.peaks) == 3
    assert sound.duration_s == pytest.approx(0.03)
