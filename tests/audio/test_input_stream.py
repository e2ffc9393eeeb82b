"""Any audio into one encoding, as a stream."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.input_stream import InputStream, pieces
from duologue.audio.resampling import resample
from duologue.audio.wav import Sound
from duologue.errors import AudioError, MissingExtra

AT_16K = Encoding.of("audio/pcm", 16_000)
RNG = np.random.default_rng(7)
NOISE = RNG.integers(-9_000, 9_000, 4_800).astype("<i2")


@given(st.lists(st.integers(0, 9_600), max_size=8), st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_how_a_stream_was_cut_leaves_no_trace_not_even_within_a_sample(cuts: list[int], rate_hz: int) -> None:
    stream, data = InputStream(), NOISE.tobytes()
    edges = sorted({0, *cuts, len(data)})
    heard = b"".join(stream.push(data[a:b], PCM, rate_hz=rate_hz) for a, b in pairwise(edges)) + stream.flush()
    assert heard == resample(data, rate_hz, 24_000, quality="LQ")


@given(st.lists(st.integers(0, 9_600), max_size=6))
def test_channels_stay_together_however_the_bytes_are_cut(cuts: list[int]) -> None:
    stream, data = InputStream(), NOISE.tobytes()
    edges = sorted({0, *cuts, len(data)})
    heard = b"".join(stream.push(data[a:b], PCM, channels=2) for a, b in pairwise(edges)) + stream.flush()
    assert heard == NOISE.reshape(-1, 2).astype(np.float64).mean(axis=1).round().astype("<i2").tobytes()


def test_another_rate_begins_another_stream_behind_the_rest_of_the_first() -> None:
    stream = InputStream()
    one = stream.push(NOISE, PCM, rate_hz=48_000)
    assert stream.is_open
    two = stream.push(NOISE, PCM, rate_hz=8_000) + stream.flush()
    expected = resample(NOISE.tobytes(), 48_000, 24_000, quality="LQ") + resample(
        NOISE.tobytes(), 8_000, 24_000, quality="LQ"
    )
    assert one + two == expected
    assert stream.flush() == b""


def test_bytes_are_of_the_wanted_encoding_and_numbers_of_its_rate_unless_something_else_is_said() -> None:
    stream = InputStream()
    assert stream.push(b"\xff" * 160, PCMU) == b"\xff" * 160
    assert stream.push(np.zeros(160, np.int16), PCMU) == b"\xff" * 160
    assert stream.push(b"\xff" * 160, PCMA, encoding=PCMU) == b"\xd5" * 160
    assert stream.push(bytes(320), PCMU, rate_hz=8_000) == b"\xff" * 160


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"encoding": PCMU, "rate_hz": 16_000}, "always 8000 Hz"),
        ({"encoding": PCMU, "channels": 2}, "one channel, not 2"),
        ({"rate_hz": 0}, "positive"),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, object], problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        InputStream().push(bytes(320), PCM, **said)  # type: ignore[arg-type]


def test_numbers_are_not_companded() -> None:
    with pytest.raises(AudioError, match="this audio is numbers"):
        InputStream().push(np.zeros(160, np.int16), PCM, encoding=PCMU)


def test_what_was_dropped_is_not_in_the_next_stream() -> None:
    stream = InputStream()
    stream.push(NOISE, PCM, rate_hz=8_000)
    stream.clear()
    assert stream.push(bytes(480), PCM) == bytes(480)


def test_a_clip_is_cut_into_pieces_that_have_its_rate_and_a_buffer_is_not() -> None:
    clip = Sound(NOISE.tobytes(), 16_000)
    cut = list(pieces(clip, piece_ms=100))
    assert b"".join(bytes(piece) for piece, _ in cut if isinstance(piece, bytes)) == clip.pcm16
    assert [rate_hz for _, rate_hz in cut] == [16_000] * 3
    assert list(pieces(bytes(10), piece_ms=1)) == [(bytes(10), None)]


def test_without_soxr_the_extra_is_named_and_g711_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    stream = InputStream()
    with pytest.raises(MissingExtra, match=r"soxr: not installed; run: pip install 'duologue\[audio\]'"):
        stream.push(bytes(320), PCM, rate_hz=16_000)
    assert stream.push(b"\xff" * 160, Encoding.of("audio/pcm", 8_000), encoding=PCMU) == bytes(320)


@pytest.mark.parametrize(
    ("description", "fault", "message"),
    [
        ({"rate_hz": float("nan")}, TypeError, "rate_hz= is a whole number, not float"),
        ({"rate_hz": "16000"}, TypeError, "rate_hz= is a whole number, not str"),
        ({"rate_hz": True}, TypeError, "rate_hz= is a whole number, not bool"),
        ({"rate_hz": 0}, AudioError, "rate_hz= is positive and at most"),
        ({"rate_hz": 10**9}, AudioError, "rate_hz= is positive and at most"),
        ({"channels": 0}, AudioError, "channels= is positive and at most"),
        ({"channels": 1.5}, TypeError, "channels= is a whole number"),
        ({"encoding": "pcmu"}, TypeError, "encoding= is PCM, PCMU or PCMA"),
    ],
)
def test_a_description_that_no_audio_has_is_refused_and_never_given_to_a_resampler(
    description: dict[str, Any], fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        InputStream().push(bytes(100), PCM, **description)


@pytest.mark.parametrize("rate_hz", [np.int64(16_000), 16_000.0])
def test_a_rate_may_be_any_whole_number(rate_hz: Any) -> None:
    stream = InputStream()
    assert len(stream.push(bytes(3200), PCM, rate_hz=rate_hz) + stream.flush()) == 4800
