"""Our own detector of speech."""

from __future__ import annotations

from duologue.inspection.page.energy import EnergyDetector, EnergySpan


def spans(*peaks: bytes) -> list[EnergySpan]:
    detector = EnergyDetector()
    found: dict[int, EnergySpan] = {}
    for each in peaks:
        found |= {span.first: span for span in detector.push(each)}
    return list(found.values())


def test_a_span_is_what_is_louder_than_the_background_and_pauses_between_words_are_in_it() -> None:
    quiet, loud = bytes([2] * 100), bytes([60] * 30)
    assert spans(quiet, loud, bytes([2] * 20), loud, quiet) == [EnergySpan(100, 179)]
    assert spans(quiet, loud, bytes([2] * 30), loud, quiet) == [EnergySpan(100, 129), EnergySpan(160, 189)]


def test_how_peaks_are_cut_into_pieces_changes_nothing() -> None:
    call = bytes([2] * 100 + [60] * 30 + [2] * 60 + [40] * 20 + [2] * 40)
    assert spans(call) == spans(*(bytes([each]) for each in call))


def test_a_click_and_silence_are_no_speech() -> None:
    assert spans(bytes(200)) == []
    assert spans(bytes([2] * 50 + [200, 200] + [2] * 50)) == []


def test_a_loud_room_is_the_background_after_some_seconds() -> None:
    found = spans(bytes([2] * 100 + [20] * 3000 + [120] * 50 + [20] * 100))
    assert found[-1] == EnergySpan(3100, 3149)


def test_a_break_ends_a_span_and_steps_count_anew() -> None:
    detector = EnergyDetector()
    detector.push(bytes([2] * 20 + [60] * 10))
    detector.restart()
    assert detector.push(bytes([60] * 10)) == [EnergySpan(0, 9)]
