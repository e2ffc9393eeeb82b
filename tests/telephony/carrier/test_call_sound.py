"""Both sides of a call in one file."""

from __future__ import annotations

from duologue.audio.formats import PCMU
from duologue.audio.samples import to_samples
from duologue.telephony.carrier.call_sound import CallSound


def test_what_is_put_stands_at_its_time_and_the_rest_is_silent() -> None:
    sound = CallSound(PCMU)
    loud = PCMU.from_pcm16(b"\x00\x40" * 80)
    sound.said(0.0, loud)
    sound.heard(0.02, loud)
    assert len(sound.said_pcm16) == 160
    assert len(sound.heard_pcm16) == 2 * (160 + 80)
    stereo = to_samples(sound.stereo_pcm16())
    left, right = stereo[0::2], stereo[1::2]
    assert len(left) == len(right) == 240
    assert [min(left[:80]) > 16_000, max(left[80:])] == [True, 0]
    assert [max(right[:160]), min(right[160:]) > 16_000] == [0, True]


def test_what_is_put_at_the_same_time_replaces_what_was_there() -> None:
    sound = CallSound(PCMU)
    sound.heard(0.0, bytes(160))
    sound.heard(0.01, b"\xff" * 80)
    assert to_samples(sound.heard_pcm16)[80:].tolist() == [0] * 80


def test_sound_behind_the_first_hour_is_not_kept() -> None:
    sound = CallSound(PCMU)
    sound.heard(3_600.0, bytes(160))
    sound.heard(-0.02, bytes(160))
    assert sound.heard_pcm16 == b""
