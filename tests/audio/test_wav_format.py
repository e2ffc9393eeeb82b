"""Formats of WAV files: what the fields say together, and what no reader of samples can read."""

from __future__ import annotations

import struct

import pytest

from duologue.audio.wav_format import WavFormat, parse_format
from duologue.errors import AudioError


def fmt(code: int, bits: int, *, channels: int = 1, rate_hz: int = 8_000, align: int, byte_rate: int) -> bytes:
    return struct.pack("<HHIIHH", code, channels, rate_hz, byte_rate, align, bits)


@pytest.mark.parametrize(
    ("bits", "channels", "align", "byte_rate", "width"),
    [
        (16, 1, 2, 16_000, 2),
        (16, 2, 4, 32_000, 2),
        (12, 1, 2, 16_000, 2),
        (24, 1, 4, 32_000, 4),  # three bytes in four
        (24, 2, 8, 64_000, 4),
        (16, 1, 4, 16_000, 2),  # the block align lies
        (16, 1, 0, 0, 2),
        (16, 1, 1, 8_000, 2),
        (16, 2, 3, 24_000, 2),
        (16, 1, 5, 40_000, 2),  # no samples are of five bytes
        (8, 2, 0, 16_000, 1),
    ],
)
def test_a_block_align_that_contradicts_the_rest_is_outvoted(
    bits: int, channels: int, align: int, byte_rate: int, width: int
) -> None:
    chunk = fmt(1, bits, channels=channels, align=align, byte_rate=byte_rate)
    assert parse_format(chunk, "little", name="x").width_bytes == width


@pytest.mark.parametrize("code", [6, 7])
@pytest.mark.parametrize("bits", [0, 8, 16])
def test_g711_has_a_byte_for_a_sample_whatever_the_bits_say(code: int, bits: int) -> None:
    assert parse_format(fmt(code, bits, align=1, byte_rate=8_000), "little", name="x").frame_bytes == 1


@pytest.mark.parametrize(
    ("code", "bits", "words"),
    [(0x55, 0, "MP3, code 85"), (0x11, 4, "IMA ADPCM, code 17"), (0x31, 0, "GSM 6.10, code 49"), (9, 16, r"\(code 9")],
)
def test_compressed_samples_are_named_with_the_remedy(code: int, bits: int, words: str) -> None:
    with pytest.raises(AudioError, match=rf"{words}.*; convert it: ffmpeg"):
        parse_format(fmt(code, bits, align=1, byte_rate=1_000), "little", name="x")


@pytest.mark.parametrize(("channels", "rate_hz"), [(0, 8_000), (1, 0)])
def test_no_channels_and_no_rate_are_no_format(channels: int, rate_hz: int) -> None:
    with pytest.raises(AudioError, match="of a kind that is not read"):
        parse_format(fmt(1, 16, channels=channels, rate_hz=rate_hz, align=2, byte_rate=1), "little", name="x")


def test_an_extensible_format_that_breaks_off_is_not_read() -> None:
    with pytest.raises(AudioError, match="code 65534"):
        parse_format(fmt(0xFFFE, 16, align=2, byte_rate=16_000), "little", name="x")
    with pytest.raises(AudioError, match="x is a WAV without a format"):
        parse_format(b"\1\0", "little", name="x")


def test_the_largest_floats_are_clipped_without_a_warning() -> None:
    double = WavFormat(code=3, width_bytes=8, channels=2, rate_hz=8_000, byte_order="little")
    assert double.to_mono_pcm16(struct.pack("<4d", 1.7e308, 1.7e308, -1.7e308, -1.7e308)) == b"\xff\x7f\x00\x80"
    single = WavFormat(code=3, width_bytes=4, channels=1, rate_hz=8_000, byte_order="big")
    assert single.to_mono_pcm16(b"\x7f\x80\x00\x01") == b"\0\0"  # a signalling NaN
