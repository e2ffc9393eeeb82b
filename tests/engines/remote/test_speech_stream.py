"""Speech is the same however it is cut, whatever header it has, and at whatever rate it comes."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.resampling import ResampleStream
from duologue.audio.wav import wav_of
from duologue.engines.remote.speech_stream import SpeechStream, checked_rate
from duologue.errors import AudioError

HZ = 24_000
SPEECH = b"".join(struct.pack("<h", 100 + number % 1_000) for number in range(4_800))


def read(data: bytes, cuts: tuple[int, ...] = (), *, raw_hz: int = HZ) -> bytes:
    stream = SpeechStream(to_hz=HZ, raw_hz=raw_hz)
    places = [0, *sorted(cuts), len(data)]
    pieces = [stream.push(data[start:end]) for start, end in pairwise(places)]
    assert all(len(piece) % 2 == 0 for piece in pieces)
    return b"".join(pieces) + stream.flush()


def resampled(pcm16: bytes, from_hz: int) -> bytes:
    stream = ResampleStream(from_hz, HZ)
    return stream.push(pcm16) + stream.flush()


def with_data_size(wav: bytes, size: int) -> bytes:
    return wav[:40] + struct.pack("<I", size) + wav[44:]


WAV = wav_of(SPEECH, rate_hz=HZ)
STEREO = struct.pack(
    "<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 2, HZ, 4 * HZ, 4, 16, b"data", 2 * len(SPEECH)
)
SPELLINGS = {
    "raw": SPEECH,
    "a WAV": WAV,
    "a WAV of unknown length": with_data_size(WAV, 0xFFFF_FFFF),
    "a WAV whose length was left out": with_data_size(WAV, 0),
    "a WAV with a list before its samples": WAV[:36] + b"LIST\x03\0\0\0abc\0" + WAV[36:],
    "a WAV with its maker behind its samples": WAV + b"LIST\x04\0\0\0abcd",
    "a WAV for each sentence": wav_of(SPEECH[:2_000], rate_hz=HZ) + wav_of(SPEECH[2_000:], rate_hz=HZ),
    "stereo": STEREO + b"".join(SPEECH[place : place + 2] * 2 for place in range(0, len(SPEECH), 2)),
}


@pytest.mark.parametrize("data", SPELLINGS.values(), ids=SPELLINGS)
@given(data_=st.data())
def test_speech_is_read_in_every_spelling_and_however_it_is_cut(data: bytes, data_: st.DataObject) -> None:
    cuts = data_.draw(st.lists(st.integers(0, 80) | st.integers(0, len(data)), max_size=6))
    assert read(data, tuple(cuts)) == SPEECH


@pytest.mark.parametrize("data", SPELLINGS.values(), ids=SPELLINGS)
def test_speech_may_come_byte_by_byte(data: bytes) -> None:
    assert read(data, tuple(range(len(data)))) == SPEECH


def test_other_rates_are_converted() -> None:
    assert read(wav_of(SPEECH, rate_hz=22_050)) == resampled(SPEECH, 22_050)
    assert read(SPEECH, raw_hz=16_000) == resampled(SPEECH, 16_000)
    assert read(SPEECH, (1, 7, 333), raw_hz=48_000) == resampled(SPEECH, 48_000)


@pytest.mark.parametrize("length", [0, 2])
def test_next_to_nothing_is_read_as_samples(length: int) -> None:
    assert read(b"\1" * length) == b"\1" * length


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SPEECH[:-1], "speech that was broken off"),
        (WAV[:-1], "speech that was broken off"),
        (WAV[:-2], "speech that was broken off"),
        (with_data_size(WAV, 0)[:-1], "speech that was broken off"),
        (WAV[:30], "a WAV that ends in its header"),
        (WAV[:5], "a WAV that ends in its header"),
        (b"ID3\4" + bytes(100), "an MP3 file"),
        (b"OggS" + bytes(100), "an Ogg file"),
        (b"<html>error</html>", "an HTML page"),
        (b'{"error":"no"}', "JSON"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "a RIFF file that is no WAV"),
        (WAV[:12] + WAV[36:], "a WAV without a format"),
        (wav_of(SPEECH, rate_hz=1), "1 samples per second, which is not a rate of speech"),
        (wav_of(SPEECH, rate_hz=999_999), "999999 samples per second"),
        (WAV[:36] + b"junk\xff\xff\xff\x7f" + bytes(100), "a WAV with no samples in its first"),
        (WAV[:12] + b"junk\xff\xff\0\0" + bytes(70_000), "a WAV with no samples in its first"),
        (WAV[:20] + b"\x55\0" + WAV[22:], "MP3"),
    ],
)
def test_what_is_no_whole_speech_is_refused_in_words(data: bytes, reason: str) -> None:
    for cuts in ((), (1, 2, 3, 13, 40)):
        with pytest.raises((ValueError, AudioError), match=reason):
            read(data, cuts)


@pytest.mark.parametrize("rate_hz", [0, -1, 3_999, 192_001])
def test_a_rate_that_no_speech_has_is_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="not a rate of speech"):
        checked_rate(rate_hz)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_read_or_refused(data: bytes, step: int) -> None:
    for opening in (b"", b"RIFF", WAV[:12], WAV[:44]):
        try:
            read(opening + data, tuple(range(0, len(opening + data), step)))
        except (ValueError, AudioError):
            continue
