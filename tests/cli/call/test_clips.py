"""Clips, measured and cut into chunks."""

from __future__ import annotations

from duologue.audio.formats import PCM, PCMU
from duologue.audio.wav import Sound
from duologue.cli.call.clips import CHUNK_MS, Clip
from tests.cli.conftest import tone


def test_speech_ends_with_the_last_loud_chunk_and_silence_follows() -> None:
    clip = Clip.of(Sound(tone(250).pcm16 + bytes(48 * 200), 24_000), PCM)
    chunks = list(clip.chunks(silence_ms=150))
    assert (clip.duration_ms, clip.speech_begin_ms, clip.speech_end_ms, clip.is_silent) == (450, 0, 260, False)
    assert [each.ends_speech for each in chunks] == [False, False, True, False, False, False, False]
    assert [each.trails for each in chunks] == [False] * 5 + [True] * 2
    assert {len(each.audio) for each in chunks} == {48 * CHUNK_MS}


def test_speech_begins_with_the_first_loud_frame() -> None:
    assert Clip.of(Sound(bytes(48 * 200) + tone(250).pcm16, 24_000), PCM).speech_begin_ms == 200


def test_a_clip_is_in_the_session_s_format() -> None:
    (chunk,) = Clip.of(tone(CHUNK_MS), PCMU).chunks(silence_ms=0)
    assert len(chunk.audio) == 8 * CHUNK_MS


def test_a_quiet_clip_is_silent() -> None:
    assert Clip.of(tone(amplitude=20), PCM).is_silent
