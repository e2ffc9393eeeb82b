"""WAV files: every usual kind is read, every damage is reported in one sentence, and a written file is valid always."""

import os
import struct
import sys
import wave
from array import array
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio import wav
from duologue.audio.g711 import alaw_to_pcm16, pcm16_to_alaw, pcm16_to_ulaw, ulaw_to_pcm16
from duologue.audio.wav import Sound, WavWriter, parse_wav, read_wav, read_wav_stream
from duologue.errors import AudioError, MissingExtra

SAMPLES = [0, 256, -256, 32512, -32768]
PCM16 = array("h", SAMPLES).tobytes()


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(code: int, bits: int, channels: int = 1, rate_hz: int = 16_000, *, extensible: bool = False) -> bytes:
    frame_bytes = bits // 8 * channels
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else code, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits
    )
    tail = struct.pack("<HHIH", 22, bits, 0, code) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    return head + tail if extensible else head


KINDS = {
    "8 bit": (fmt(1, 8), bytes([128, 129, 127, 255, 0])),
    "16 bit": (fmt(1, 16), PCM16),
    "24 bit": (fmt(1, 24), b"".join((s << 8).to_bytes(3, "little", signed=True) for s in SAMPLES)),
    "32 bit": (fmt(1, 32), b"".join((s << 16).to_bytes(4, "little", signed=True) for s in SAMPLES)),
    "float": (fmt(3, 32), struct.pack("<5f", *(s / 32768 for s in SAMPLES))),
    "double": (fmt(3, 64), struct.pack("<5d", *(s / 32768 for s in SAMPLES))),
    "16 bit extensible": (fmt(1, 16, extensible=True), PCM16),
    "float extensible": (fmt(3, 32, extensible=True), struct.pack("<5f", *(s / 32768 for s in SAMPLES))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_usual_kind_is_read(kind: str) -> None:
    head, data = KINDS[kind]
    assert parse_wav(riff((b"fmt ", head), (b"data", data))) == Sound(PCM16, 16_000)


@pytest.mark.parametrize(
    ("code", "compand", "expand"), [(6, pcm16_to_alaw, alaw_to_pcm16), (7, pcm16_to_ulaw, ulaw_to_pcm16)]
)
def test_telephone_recordings_are_read(
    code: int, compand: Callable[[bytes], bytes], expand: Callable[[bytes], bytes]
) -> None:
    companded = compand(PCM16)
    assert parse_wav(riff((b"fmt ", fmt(code, 8, rate_hz=8000)), (b"data", companded))) == Sound(
        expand(companded), 8000
    )
    both = b"".join(bytes([sample, sample]) for sample in companded)
    assert parse_wav(riff((b"fmt ", fmt(code, 8, channels=2)), (b"data", both))).pcm16 == expand(companded)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_of_what_is_no_wav_only_the_beginning_is_read(tmp_path: Path) -> None:
    endless = tmp_path / "pipe"
    os.mkfifo(endless)
    # Both ends are held open here: what would read on to the end would wait for ever.
    held = os.open(endless, os.O_RDWR)
    try:
        os.write(held, b"ID3, an MP3.")
        with pytest.raises(AudioError, match="is not a WAV file"):
            read_wav(endless)
    finally:
        os.close(held)


def test_channels_are_averaged() -> None:
    stereo = array("h", [100, 300, -100, -300, 0, 1000]).tobytes()
    sound = parse_wav(riff((b"fmt ", fmt(1, 16, channels=2)), (b"data", stereo)))
    assert array("h", sound.pcm16).tolist() == [200, -200, 500]


def test_float_beyond_full_scale_is_clipped_and_not_a_number_is_silence() -> None:
    data = struct.pack("<4f", 2.0, -2.0, float("nan"), float("inf"))
    assert array("h", parse_wav(riff((b"fmt ", fmt(3, 32)), (b"data", data))).pcm16).tolist() == [32767, -32768, 0, 0]


def test_other_chunks_are_stepped_over() -> None:
    data = riff((b"LIST", b"odd"), (b"fmt ", fmt(1, 16)), (b"junk", b""), (b"data", PCM16), (b"data", b"\1\1"))
    assert parse_wav(data).pcm16 == PCM16


@pytest.mark.parametrize(
    "size", [0, 0x7FFF_F000, 0x7FFF_FFFF - 36, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF - 36, 0xFFFF_FFFF]
)
@pytest.mark.parametrize("kind", ["16 bit", "24 bit", "float extensible"])
def test_a_size_that_was_never_filled_in_means_the_rest_of_the_file(size: int, kind: str) -> None:
    head, samples = KINDS[kind]
    data = riff((b"LIST", b"INFO of ffmpeg"), (b"fmt ", head), (b"data", b""))
    piped = data[:4] + struct.pack("<I", size) + data[8:-4] + struct.pack("<I", size) + samples
    assert parse_wav(piped).pcm16 == PCM16


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "x.wav is not a WAV file: it is empty"),
        (
            b"ID3\x04 an mp3, say",
            "x.wav is not a WAV file: it is an MP3 file; make a WAV of it: ffmpeg -i INPUT -ac 1 -ar 24000 OUTPUT.wav",
        ),
        (
            bytes(range(1, 30)),
            "x.wav is not a WAV file: it is binary data of an unknown kind;"
            " if it is raw PCM16: ffmpeg -f s16le -ac 1 -ar 24000 -i INPUT OUTPUT.wav",
        ),
        (b'{"error": "no such voice"}', "x.wav is not a WAV file: it is JSON text"),
        (riff((b"data", PCM16)), "x.wav is a WAV without a format"),
        (riff((b"fmt ", fmt(1, 16))), "x.wav is a WAV without audio data"),
        (riff((b"fmt ", fmt(1, 16)), (b"data", b"")), "x.wav is an empty WAV: it holds no samples"),
        (riff((b"fmt ", fmt(1, 16)), (b"data", b"\1")), "x.wav is an empty WAV: it holds no samples"),
        (
            riff((b"fmt ", fmt(1, 16)), (b"data", PCM16))[:-4],
            "x.wav is cut off: its 'data' part promises 10 bytes and 6 are there",
        ),
        (
            riff((b"fmt ", fmt(2, 8)), (b"data", PCM16)),
            "x.wav is a WAV of a kind that is not read (Microsoft ADPCM, code 2, 8 bits, 1 channels, 16000 Hz);"
            " convert it: ffmpeg -i INPUT -ac 1 -ar 24000 OUTPUT.wav",
        ),
    ],
)
def test_damage_is_told_in_one_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        parse_wav(data, name="x.wav")
    assert str(caught.value) == sentence


def with_tag(data: bytes, tag_bytes: int = 300) -> bytes:
    size = bytes([0, 0, tag_bytes >> 7, tag_bytes & 127])
    return b"ID3\4\0\0" + size + bytes(tag_bytes) + data


@pytest.mark.parametrize("tag_bytes", [0, 1, 2, 5, 300])
def test_a_tag_in_front_of_the_file_is_stepped_over(tag_bytes: int) -> None:
    data = riff((b"fmt ", fmt(1, 16)), (b"data", PCM16))
    assert parse_wav(with_tag(data, tag_bytes)).pcm16 == PCM16
    with pytest.raises(AudioError, match="not a WAV file: it is an MP3 file"):
        parse_wav(with_tag(b"\xff\xfb and so on", tag_bytes))


def test_audio_in_front_of_its_format_is_read() -> None:
    assert parse_wav(riff((b"data", PCM16), (b"fmt ", fmt(1, 16)))).pcm16 == PCM16
    with pytest.raises(AudioError, match="a WAV without a format"):
        parse_wav(riff((b"data", PCM16)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "8 bit" not in kind])
def test_big_endian_files_are_read(kind: str) -> None:
    head, data = KINDS[kind]
    width = struct.unpack_from("<H", head, 14)[0] // 8
    swapped = b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))
    fields = struct.pack(">HHIIHH", *struct.unpack_from("<HHIIHH", head))
    if len(head) > 16:
        fields += struct.pack(">HHII", 22, 16, 0, struct.unpack_from("<I", head, 24)[0]) + head[28:]
    body = b"fmt " + struct.pack(">I", len(fields)) + fields + b"data" + struct.pack(">I", len(swapped)) + swapped
    assert parse_wav(b"RIFX" + struct.pack(">I", 4 + len(body)) + b"WAVE" + body) == Sound(PCM16, 16_000)


def test_a_clip_longer_than_memory_should_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "_MAX_PCM16_BYTES", 8)
    for chunks in ((b"fmt ", fmt(1, 16)), (b"data", PCM16)), ((b"data", PCM16), (b"fmt ", fmt(1, 16))):
        with pytest.raises(AudioError, match=r"x.wav is too long: .* cut it: ffmpeg"):
            parse_wav(riff(*chunks), name="x.wav")


def test_a_stream_is_read_from_where_it_is() -> None:
    stream = BytesIO(riff((b"fmt ", fmt(1, 16)), (b"data", PCM16)))
    assert read_wav_stream(stream).pcm16 == PCM16
    assert not stream.closed


def test_a_name_that_no_file_can_have_is_an_audio_error() -> None:
    with pytest.raises(AudioError, match="cannot read"):
        read_wav("a\0b.wav")


HEADERS = st.builds(
    fmt,
    st.sampled_from([1, 3, 6, 7, 2, 0xFFFE]),
    st.sampled_from([0, 8, 12, 16, 24, 32, 64, 0xFFF8]),
    st.sampled_from([0, 1, 2, 7]),
    extensible=st.booleans(),
)
SIZES = st.sampled_from([0, 1, 3, 10, 0x7FFF_EFFF, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF])


@given(
    st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"BW64"]),
    st.lists(
        st.tuples(
            st.sampled_from([b"fmt ", b"data", b"LIST", b"ds64", b"\0\0\0\0"]), SIZES | st.none(), st.binary() | HEADERS
        )
    ),
    st.integers(0, 40),
)
def test_no_chunks_raise_anything_but_an_audio_error(
    form: bytes, chunks: list[tuple[bytes, int | None, bytes]], cut: int
) -> None:
    order = ">I" if form == b"RIFX" else "<I"
    body = b"".join(
        kind + struct.pack(order, len(data) if size is None else size) + data for kind, size, data in chunks
    )
    data = form + b"\0\0\0\0WAVE" + body
    with suppress(AudioError):
        assert parse_wav(data[: len(data) - cut]).pcm16


@given(st.binary(max_size=80), st.integers(0, 60))
def test_no_bytes_raise_anything_but_an_audio_error(noise: bytes, keep: int) -> None:
    for data in (noise, riff((b"fmt ", fmt(1, 16)), (b"data", PCM16))[:keep] + noise):
        with suppress(AudioError):
            assert parse_wav(data).pcm16


def test_a_file_that_is_not_there_is_an_audio_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    with pytest.raises(AudioError) as caught:
        read_wav(missing)
    assert str(caught.value) == f"cannot read {missing}: No such file or directory"
    with pytest.raises(AudioError, match="cannot write"):
        WavWriter(tmp_path / "no" / "folder.wav", rate_hz=8_000)


def test_sixteen_bit_mono_needs_no_extra_and_the_rest_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert parse_wav(riff((b"fmt ", fmt(1, 16)), (b"data", PCM16))).pcm16 == PCM16
    head, data = KINDS["24 bit"]
    with pytest.raises(MissingExtra, match=r"duologue\[audio\]"):
        parse_wav(riff((b"fmt ", head), (b"data", data)))


def test_a_sound_knows_its_length_and_changes_its_rate() -> None:
    sound = Sound(bytes(2 * 12_000), 24_000)
    assert sound.duration_ms == 500
    assert sound.at(16_000) == Sound(bytes(2 * 8_000), 16_000)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with WavWriter(path, rate_hz=24_000) as writer:
        writer.write(PCM16)
        writer.write(PCM16)
        assert writer.duration_ms == 0
    writer.close()
    with WavWriter(tmp_path / "second.wav", rate_hz=24_000) as writer:
        writer.write(bytes(48_000))
        assert writer.duration_ms == 1_000
    assert read_wav(path) == Sound(PCM16 * 2, 24_000)
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 24_000, 10)


def test_an_exception_leaves_a_valid_file_with_all_that_came(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"

    def die() -> None:
        with WavWriter(path, rate_hz=24_000) as writer:
            writer.write(PCM16)
            raise KeyError

    with pytest.raises(KeyError):
        die()
    assert read_wav(path).pcm16 == PCM16


def test_the_file_is_valid_after_every_second_and_every_flush(tmp_path: Path) -> None:
    path, second = tmp_path / "open.wav", bytes(2 * 8_000)
    writer = WavWriter(path, rate_hz=8_000)
    writer.write(second)
    assert read_wav(path).duration_ms == 1_000
    writer.write(PCM16)
    writer.flush()
    assert read_wav(path).pcm16 == second + PCM16
    writer.close()


def test_a_writer_refuses_what_it_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match="a sample rate is positive"):
        WavWriter(tmp_path / "a.wav", rate_hz=0)
    with WavWriter(tmp_path / "b.wav", rate_hz=8_000) as writer:
        with pytest.raises(AudioError, match="half a sample"):
            writer.write(b"abc")
        monkeypatch.setattr(wav, "_MAX_DATA_BYTES", 8)
        with pytest.raises(AudioError, match="is full: a WAV file ends at 4 GiB"):
            writer.write(PCM16)


@pytest.mark.parametrize("opening", [b"RIFF\0\0\0\0AVI ", b"RIFY\0\0\0\0WAVE"])
def test_a_file_is_wav_by_both_of_its_marks(opening: bytes) -> None:
    with pytest.raises(AudioError, match="not a WAV file"):
        parse_wav(opening + riff()[12:])
