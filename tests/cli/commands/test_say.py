"""`duologue say`, with the real voice."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from duologue.audio.wav import read_wav
from tests.cli.conftest import Command

needs_speech = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="needs the speech extra")

TEXT = "What is seven times eight?"


@needs_speech
def test_a_text_is_spoken_into_a_file_the_same_each_time(tmp_path: Path, command: Command) -> None:
    file = tmp_path / "question.wav"
    shown = command("say", TEXT, file)
    assert shown.out.startswith(f"wrote {file}: ")
    first = read_wav(file)
    assert first.rate_hz == 24_000
    assert 800 < first.duration_ms < 4000
    assert "exists already: name another file, or add --force" in command("say", TEXT, file, code=2).err
    command("say", TEXT, file, "--force")
    assert read_wav(file) == first


@needs_speech
def test_voice_rate_and_speed_are_heard(tmp_path: Path, command: Command) -> None:
    command("say", TEXT, tmp_path / "usual.wav", "--rate", "8000")
    command("say", TEXT, tmp_path / "slow.wav", "--rate", "8000", "--speed", "0.7", "--voice", "echo")
    usual, slow = read_wav(tmp_path / "usual.wav"), read_wav(tmp_path / "slow.wav")
    assert (usual.rate_hz, slow.rate_hz) == (8000, 8000)
    assert slow.duration_ms > usual.duration_ms * 1.1


@needs_speech
def test_a_voice_that_is_not_there_and_a_text_without_words_are_said_and_leave_no_file(
    tmp_path: Path, command: Command
) -> None:
    file = tmp_path / "x.wav"
    assert "there is no voice 'tenor'; known are " in command("say", TEXT, file, "--voice", "tenor", code=2).err
    assert "nothing to speak" in command("say", "…", file, code=2).err
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rate", "7999"], "--rate is a number from 8000 to 48000, not 7999"),
        (["--speed", "2"], "--speed is a number from 0.25 to 1.5, not 2"),
    ],
)
def test_numbers_out_of_range_are_refused(
    arguments: list[str], sentence: str, tmp_path: Path, command: Command
) -> None:
    assert sentence in command("say", TEXT, tmp_path / "x.wav", *arguments, code=2).err
