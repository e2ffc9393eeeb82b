"""The file of the server's speech."""

from __future__ import annotations

from pathlib import Path

from duologue.audio.formats import PCM, PCMU
from duologue.audio.wav import read_wav
from duologue.cli.call.reply_file import ReplyFile
from duologue.events import ResponseAudioDeltaEvent
from duologue.events.base import encode_audio


def _delta(audio: bytes) -> ResponseAudioDeltaEvent:
    return ResponseAudioDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta=encode_audio(audio)
    )


def test_a_sample_may_be_split_between_two_pieces(tmp_path: Path) -> None:
    file = ReplyFile(tmp_path / "reply.wav", replace=False)
    audio = b"\x01\x00" * 2400
    for piece in (audio[:1001], audio[1001:]):
        file.take(_delta(piece), PCM)
    file.close()
    assert file.failure is None
    assert read_wav(file.path).pcm16 == audio


def test_a_rate_that_changes_after_the_first_speech_makes_the_file_incomplete(tmp_path: Path) -> None:
    file = ReplyFile(tmp_path / "reply.wav", replace=False)
    file.take(_delta(bytes(4800)), PCM)
    file.take(_delta(bytes(800)), PCMU)
    file.close()
    assert "the session's sample rate changed" in str(file.failure)
    assert read_wav(file.path).duration_ms == 100
