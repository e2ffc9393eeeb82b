"""Clips as frames."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.audio.wav import Sound, WavWriter
from duologue.errors import AudioError
from duologue.load.voice import CallerVoice, builtin_clips, clips_in


def append(audio: bytes) -> bytes:
    return b'{"audio":"' + b64encode(audio) + b'"}'


def clip(*parts: tuple[int, int]) -> Sound:
    """So many milliseconds of each amplitude."""
    return Sound(b"".join(array("h", [amplitude] * (24 * ms)).tobytes() for ms, amplitude in parts), 24_000)


def audio_of(frame: bytes) -> bytes:
    return b64decode(json.loads(frame[frame.index(b"{") :])["audio"])


def test_an_utterance_is_the_speech_of_a_clip_and_ends_where_it_ends() -> None:
    voice = CallerVoice.of([clip((300, 0), (250, 9000), (400, 0))], PCM, frame_ms=100, append=append)
    (utterance,) = voice.utterances
    assert utterance.speech_ms == 260  # measured in steps of 20 ms
    frames = [audio_of(frame) for frame in utterance.frames]
    assert [len(frame) for frame in frames] == [4800] * 3
    assert frames[0] == array("h", [9000] * 2400).tobytes()
    assert frames[2].rstrip(b"\0") == array("h", [9000] * 1200).tobytes()
    assert audio_of(voice.silence) == bytes(4800)


def test_frames_are_in_the_encoding_of_the_session() -> None:
    voice = CallerVoice.of([Sound(clip((100, 9000)).pcm16, 8_000)], PCMU, frame_ms=20, append=append)
    assert audio_of(voice.silence) == b"\xff" * 160
    assert all(len(audio_of(frame)) == 160 for frame in voice.utterances[0].frames)
    with pytest.raises(AudioError, match="no whole number"):
        CallerVoice.of([], PCM, frame_ms=0, append=append)


def test_the_clips_that_are_here_are_short_and_have_speech() -> None:
    voice = CallerVoice.of(builtin_clips(), PCM, frame_ms=20, append=append)
    assert len(voice.utterances) == 3
    assert all(800 <= utterance.speech_ms <= 3000 for utterance in voice.utterances)


def test_a_folder_of_clips_is_read_by_name_and_checked(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no WAV file"):
        clips_in(tmp_path)
    for name, sound in (("b.wav", clip((100, 9000))), ("a.WAV", clip((200, 9000)))):
        with WavWriter(tmp_path / name, rate_hz=24_000) as wav:
            wav.write(sound.pcm16)
    assert [each.duration_ms for each in clips_in(tmp_path)] == [200, 100]
    with WavWriter(tmp_path / "c.wav", rate_hz=24_000) as wav:
        wav.write(bytes(4800))
    with pytest.raises(AudioError, match="is silent"):
        clips_in(tmp_path)
    with WavWriter(tmp_path / "c.wav", rate_hz=8_000, replace=True) as wav:
        wav.write(array("h", [9000] * (61 * 8000)).tobytes())
    with pytest.raises(AudioError, match="lasts 61 s"):
        clips_in(tmp_path)
