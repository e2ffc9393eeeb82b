"""Resampling keeps count: the number of samples follows from the rates, however the stream was cut."""

import math
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.levels import level_dbfs
from duologue.audio.resampling import Quality, ResampleStream, resample
from duologue.errors import AudioError, MissingExtra

rates_hz = st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
cuts = st.lists(st.integers(0, 700), max_size=12)


def tone(hz: float, rate_hz: int, n_samples: int) -> bytes:
    return array("h", (round(8_000 * math.sin(2 * math.pi * hz * n / rate_hz)) for n in range(n_samples))).tobytes()


@given(rates_hz, rates_hz, cuts, st.sampled_from(["QQ", "LQ", "HQ"]))
def test_cutting_a_stream_changes_nothing(from_hz: int, to_hz: int, lengths: list[int], quality: Quality) -> None:
    total = sum(lengths)
    pcm16 = tone(440, from_hz, total)
    stream = ResampleStream(from_hz, to_hz, quality=quality)
    out, start = b"", 0
    for length in lengths:
        out += stream.push(pcm16[2 * start : 2 * (start + length)])
        start += length
    out += stream.flush()
    assert len(out) == 2 * ((2 * total * to_hz + from_hz) // (2 * from_hz))
    assert out == resample(pcm16, from_hz, to_hz, quality=quality)


def test_a_tone_stays_where_it_was() -> None:
    out = array("h", resample(tone(1_000, 24_000, 24_000), 24_000, 16_000))
    expected = array("h", tone(1_000, 16_000, 16_000))
    middle = slice(1_000, -1_000)
    assert max(abs(a - b) for a, b in zip(out[middle], expected[middle], strict=True)) < 40


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    hiss = tone(10_500, 24_000, 24_000)
    stream = ResampleStream(24_000, 16_000)
    out = stream.push(hiss) + stream.flush()
    assert level_dbfs(out[2_000:-2_000]) < level_dbfs(hiss) - 60


def test_a_default_stream_holds_back_less_than_a_frame_of_speech_detection() -> None:
    stream = ResampleStream(24_000, 16_000)
    n_out = sum(len(stream.push(bytes(2 * 480))) // 2 for _ in range(50))
    assert 16_000 - n_out < 16 * 32


def test_equal_rates_pass_through_untouched_and_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert resample(b"abcd", 8_000, 8_000) == b"abcd"
    assert ResampleStream(8_000, 8_000).flush() == b""


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtra, match=r"soxr: not installed; run: pip install 'duologue\[audio\]'"):
        ResampleStream(8_000, 16_000)


def test_a_flushed_stream_begins_anew() -> None:
    stream, pcm16 = ResampleStream(24_000, 16_000), tone(300, 24_000, 999)
    first = stream.push(pcm16) + stream.flush()
    assert stream.push(pcm16) + stream.flush() == first


@pytest.mark.parametrize("rates", [(0, 8_000), (8_000, -1)])
def test_a_rate_is_positive(rates: tuple[int, int]) -> None:
    with pytest.raises(AudioError, match="a sample rate is positive"):
        ResampleStream(*rates)


def test_half_a_sample_is_an_error() -> None:
    for to_hz in (8_000, 16_000):
        with pytest.raises(AudioError, match="half a sample"):
            ResampleStream(8_000, to_hz).push(b"abc")
