"""Input audio on the session's time."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.sound.input_track import HeardAudio, InputTrack
from duologue.protocol.server.account import MemoryAccount

SOUND = b"\x01\x02" * 24
"""A millisecond."""


def test_audio_comes_out_once_and_what_is_missing_is_silence() -> None:
    account = MemoryAccount(1_000_000)
    track = InputTrack(PCM, account, max_ahead_ms=1_000)
    track.append(SOUND * 30)
    assert track.take(20) == SOUND * 20
    assert track.take(10) == b""
    assert track.take(50) == SOUND * 10 + bytes(20 * 48)
    assert track.received_ms == 50
    assert account.held["input"] == 0


def test_audio_that_was_taken_early_is_still_ahead_of_the_time() -> None:
    track = InputTrack(PCM, MemoryAccount(1_000_000), max_ahead_ms=100)
    track.append(SOUND * 80)
    track.take(80)
    with pytest.raises(RefusedCommand):
        track.append(SOUND * 30)
    track.position_ms = 50
    track.append(SOUND * 30)


def test_muted_audio_is_silence_from_its_own_place_on() -> None:
    track = InputTrack(PCMU, MemoryAccount(1_000_000), max_ahead_ms=1_000)
    track.append(b"\x01" * 8)
    track.is_muted = True
    track.append(b"\x01" * 8)
    assert track.take(2) == b"\x01" * 8 + b"\xff" * 8


def test_too_much_audio_is_refused_whole() -> None:
    track = InputTrack(PCM, MemoryAccount(1_000), max_ahead_ms=1_000)
    for audio in (SOUND * 1_001, SOUND * 30):
        with pytest.raises(RefusedCommand):
            track.append(audio)
    assert track.received_ms == 0


def test_what_was_heard_is_kept_up_to_the_limit_and_until_it_is_forgotten() -> None:
    account = MemoryAccount(1_000_000)
    heard = HeardAudio(PCM, account, max_ms=100)
    heard.add(SOUND * 60)
    assert heard.between(-5, 10) == SOUND * 10
    heard.add(SOUND * 60)
    assert heard.end_ms == 120
    assert heard.between(0, 30) == SOUND * 10
    heard.forget(110)
    heard.forget(50)
    assert heard.between(0, 200) == SOUND * 10
    assert account.held["input"] == 480
    heard.release()
    assert account.held["input"] == 0
