from __future__ import annotations

import math
from array import array

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.samples import from_samples
from duologue.audio.transcoding import TranscodeStream, transcode

PCM_8, PCM_16 = Encoding.of("audio/pcm", 8_000), Encoding.of("audio/pcm", 16_000)


def tone(encoding: Encoding, ms: int, *, hz: int = 440) -> bytes:
    n = encoding.rate_hz * ms // 1000
    samples = array("h", (round(12_000 * math.sin(2 * math.pi * hz * i / encoding.rate_hz)) for i in range(n)))
    return encoding.from_pcm16(from_samples(samples))


@pytest.mark.parametrize(
    ("source", "target"), [(PCMU, PCM), (PCM, PCMU), (PCM, PCM_16), (PCM_16, PCMA), (PCMU, PCMA), (PCM, PCM)]
)
@pytest.mark.parametrize("cut", [1, 37, 480, 100_000])
def test_a_stream_has_the_same_samples_however_it_is_cut_and_exactly_as_many_as_it_lasts(
    source: Encoding, target: Encoding, cut: int
) -> None:
    audio = tone(source, 250)
    stream = TranscodeStream(source, target)
    pieces = [stream.push(audio[at : at + cut]) for at in range(0, len(audio), cut)]
    out = b"".join([*pieces, stream.flush()])
    whole = TranscodeStream(source, target)
    assert out == whole.push(audio) + whole.flush()
    assert len(out) == target.rate_hz * 250 // 1000 * target.bytes_per_sample


def test_between_the_two_laws_of_g711_nothing_waits() -> None:
    audio = tone(PCMU, 20)
    assert len(TranscodeStream(PCMU, PCMA).push(audio)) == len(audio)


def test_half_a_sample_at_the_end_is_dropped_and_does_not_reach_the_next_stream() -> None:
    stream = TranscodeStream(PCM_8, PCMU)
    assert stream.push(b"\0\0\1") == b"\xff"
    assert stream.flush() == b""
    assert stream.push(b"\0\0") == b"\xff"
    assert transcode(b"\0\0\1", PCM_8, PCMU) == b"\xff"


def test_a_tone_comes_through_a_telephone_and_back() -> None:
    audio = tone(PCM, 400)
    there_and_back = transcode(transcode(audio, PCM, PCMU), PCMU, PCM)
    assert len(there_and_back) == len(audio)
    sent, got = array("h", audio)[2_400:-2_400], array("h", there_and_back)[2_400:-2_400]
    error = math.dist(sent, got) / math.hypot(*sent)
    assert error < 0.03  # mu-law keeps about 38 dB
