"""Chunks of RIFF files: placeholders for sizes, pad bytes that are missing, 64-bit sizes, and other things in front."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest

from duologue.audio import riff
from duologue.audio.riff import OPENING_BYTES, RiffReader, is_wave
from duologue.errors import AudioError


def chunk(kind: bytes, data: bytes, *, size: int | None = None, pad: bytes = b"\0") -> bytes:
    return kind + struct.pack("<I", len(data) if size is None else size) + data + (pad if len(data) % 2 else b"")


def chunks_of(body: bytes, *, form: bytes = b"RIFF") -> dict[str, bytes]:
    stream = BytesIO(form + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    reader = RiffReader(stream, stream.read(OPENING_BYTES), name="x.wav")
    return {found.kind: b"".join(reader.blocks()) for found in reader}


def test_chunks_come_in_order_with_what_they_hold() -> None:
    assert chunks_of(chunk(b"LIST", b"odd") + chunk(b"data", b"even")) == {"LIST": b"odd", "data": b"even"}


@pytest.mark.parametrize("following", [b"data", b"LIST", b"mine"])
@pytest.mark.parametrize("pad", [b"", b"\0", b" ", b"\xff"])
def test_an_odd_chunk_may_lack_its_pad_byte(following: bytes, pad: bytes) -> None:
    body = chunk(b"bext", b"odd", pad=pad) + chunk(following, b"even")
    assert chunks_of(body) == {"bext": b"odd", str(following, "ascii"): b"even"}


@pytest.mark.parametrize("size", [0, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF])
def test_audio_without_a_real_size_goes_on_to_the_end_of_the_file(size: int) -> None:
    assert chunks_of(chunk(b"data", b"all of this", size=size, pad=b"")) == {"data": b"all of this"}


def test_empty_audio_before_another_chunk_is_empty() -> None:
    assert chunks_of(chunk(b"data", b"") + chunk(b"LIST", b"INFO")) == {"data": b"", "LIST": b"INFO"}
    assert chunks_of(chunk(b"data", b"")) == {"data": b""}


def ds64(data_size: int, *others: tuple[bytes, int]) -> bytes:
    table = b"".join(kind + struct.pack("<Q", size) for kind, size in others)
    return chunk(b"ds64", struct.pack("<QQQI", 0, data_size, 0, len(others)) + table)


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
def test_64_bit_sizes_are_those_of_their_chunk(form: bytes) -> None:
    body = chunk(b"data", b"four", size=0xFFFF_FFFF) + chunk(b"axml", b"six...", size=0xFFFF_FFFF)
    assert chunks_of(ds64(4, (b"axml", 6)) + body, form=form) == {"data": b"four", "axml": b"six..."}


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF])
def test_a_64_bit_size_can_be_a_placeholder_too(size: int) -> None:
    assert chunks_of(ds64(size) + chunk(b"data", b"four", size=0xFFFF_FFFF), form=b"RF64") == {"data": b"four"}


def test_a_64_bit_file_whose_sizes_are_missing_is_read_to_its_end() -> None:
    assert chunks_of(chunk(b"data", b"four", size=0xFFFF_FFFF), form=b"RF64") == {"data": b"four"}
    assert chunks_of(chunk(b"ds64", b"") + chunk(b"data", b"four", size=0xFFFF_FFFF), form=b"RF64") == {"data": b"four"}


def test_a_chunk_that_is_cut_off_says_so() -> None:
    with pytest.raises(AudioError) as caught:
        chunks_of(chunk(b"LIST", b"four", size=40))
    assert str(caught.value) == "x.wav is cut off: its 'LIST' part promises 40 bytes and 4 are there"
    with pytest.raises(AudioError, match="its 'ds64' part promises 40 bytes and 3 are there"):
        chunks_of(chunk(b"ds64", b"odd", size=40, pad=b""), form=b"RF64")


@pytest.mark.parametrize("filling", [b"\0" * 100, b"abc", b"\xff\xfe and what is no chunk"])
def test_what_is_no_chunk_ends_the_file(filling: bytes) -> None:
    assert chunks_of(chunk(b"data", b"four") + filling) == {"data": b"four"}


def test_what_is_in_front_of_the_audio_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(riff, "_MAX_STEPPED_OVER_BYTES", 100)
    stream = BytesIO(b"RIFF\0\0\0\0WAVE" + chunk(b"JUNK", bytes(4)) * 10)
    with pytest.raises(AudioError, match="other things in front of its audio"):
        list(RiffReader(stream, stream.read(OPENING_BYTES), name="x.wav"))


@pytest.mark.parametrize(
    ("opening", "is_one"),
    [
        (b"RIFF....WAVE", True),
        (b"RIFX....WAVE", True),
        (b"RIFF....AVI ", False),
        (b"FFIR....WAVE", False),
        (b"", False),
    ],
)
def test_a_wav_is_known_by_both_of_its_marks(opening: bytes, is_one: bool) -> None:
    assert is_wave(opening) is is_one
