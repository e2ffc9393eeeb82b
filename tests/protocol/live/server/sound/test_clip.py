"""A clip in the session's format."""

from __future__ import annotations

import random

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.resampling import ResampleStream, resample
from duologue.protocol.live.server.sound.clip import FixtureClip

NOISE = random.Random(1).randbytes(48_000)
PCM16K = Encoding.of("audio/pcm", 16_000)


@pytest.mark.parametrize("encoding", [PCM, PCM16K, PCMU, PCMA])
@pytest.mark.parametrize("n_ms", [1, 250, 1_000])
def test_a_clip_sounds_the_same_as_if_it_were_converted_at_once(encoding: Encoding, n_ms: int) -> None:
    pcm16 = NOISE[: PCM.bytes_for_ms(n_ms)]
    clip = FixtureClip(pcm16, encoding)
    heard = b""
    while not clip.is_over:
        assert clip.left_ms == n_ms - encoding.duration_ms(len(heard))
        heard += clip.take(encoding.bytes_for_ms(100))
    assert heard == encoding.from_pcm16(resample(pcm16, PCM.rate_hz, encoding.rate_hz))
    assert clip.take(100) == b""
    assert clip.left_ms == 0


def test_a_long_clip_is_converted_as_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    converted: list[int] = []
    push = ResampleStream.push

    def counted(stream: ResampleStream, pcm16: bytes) -> bytes:
        converted.append(len(pcm16))
        return push(stream, pcm16)

    monkeypatch.setattr(ResampleStream, "push", counted)
    clip = FixtureClip(NOISE * 30, PCMU)
    clip.take(PCMU.bytes_for_ms(100))
    assert sum(converted) < PCM.bytes_for_ms(500)
    assert clip.held_bytes < 30 * len(NOISE) + PCMU.bytes_for_ms(500)
