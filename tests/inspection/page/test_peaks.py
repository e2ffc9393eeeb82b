"""Peaks of audio."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.samples import from_samples
from duologue.inspection.page import peaks
from duologue.inspection.page.peaks import PeakMeter, laid_over


@pytest.fixture(params=["numpy", "without"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "without":
        monkeypatch.setattr(peaks, "_numpy", lambda: None)
    return str(request.param)


def pcm16(*samples: int) -> bytes:
    return from_samples(array("h", samples))


@pytest.mark.usefixtures("library")
def test_a_peak_is_the_largest_magnitude_of_ten_milliseconds() -> None:
    meter = PeakMeter(800)  # eight samples a step
    assert meter.push(pcm16(*[0] * 7, 128, *[-32768] + [0] * 7, 32767)) == bytes([0, 255])
    assert meter.flush() == bytes([254])
    assert meter.flush() == b""


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 24000])
def test_a_second_has_a_hundred_peaks_at_any_rate(rate_hz: int) -> None:
    meter = PeakMeter(rate_hz)
    found = b"".join(meter.push(bytes(2 * rate_hz // 9)) for _ in range(90)) + meter.flush()
    assert 999 <= len(found) <= 1001


@given(st.lists(st.integers(-32768, 32767), max_size=600), st.integers(1, 97), st.sampled_from([8000, 11025]))
def test_how_audio_is_cut_into_pieces_changes_no_peak(samples: list[int], cut: int, rate_hz: int) -> None:
    data = pcm16(*samples)
    whole, cut_up = PeakMeter(rate_hz), PeakMeter(rate_hz)
    pieces = b"".join(cut_up.push(data[at : at + 2 * cut]) for at in range(0, len(data), 2 * cut))
    assert pieces == whole.push(data)


def test_peaks_lie_over_each_other_and_not_outside_of_the_call() -> None:
    call = bytearray(6)
    laid_over(call, 0.02, bytes([5, 5]))
    laid_over(call, 0.03, bytes([3, 9, 9, 9]))
    laid_over(call, -0.01, bytes([7, 8]))
    laid_over(call, 9.0, bytes([7]))
    assert call == bytes([8, 0, 5, 5, 9, 9])
