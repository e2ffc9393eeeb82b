"""`duologue demo`, with the real engines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from duologue.audio.wav import read_wav
from duologue.cli.commands.demo import TURN_ORDER, check_turn
from duologue.cli.commands.demo import speech as clips
from duologue.cli.errors import TurnFailed
from duologue.cli.turns.turn import Turn
from duologue.recording import RecordingReader
from tests.cli.conftest import Command

needs_speech = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="needs the speech extra")


@needs_speech
def test_three_turns_come_to_their_end_and_leave_their_files(tmp_path: Path, command: Command) -> None:
    shown = command("demo", "--fast", "--out-dir", tmp_path / "demo")
    assert shown.err == ""
    for words in ("recorded human speech", "synthesised", "What is seven times eight?", "ill-disposed young man"):
        assert words in shown.out
    assert read_wav(tmp_path / "demo" / "reply.wav").duration_ms > 2000
    for number, (_, _, sound) in enumerate(clips(), 1):
        assert read_wav(tmp_path / "demo" / f"question-{number}.wav") == sound
    with RecordingReader(tmp_path / "demo" / "session.jsonl") as recording:
        assert recording.header.side == "client"
        assert sum(frame.direction == "received" for frame in recording) > 3 * len(TURN_ORDER)


def test_what_is_said_is_partly_recorded_and_partly_synthesised() -> None:
    sources = [source for _, source, _ in clips()]
    assert len(sources) == 3
    assert {source.split()[0] for source in sources} == {"recorded", "synthesised"}


def test_a_turn_without_its_events_in_order_fails_the_demo() -> None:
    turn = Turn(spoken=True)
    with pytest.raises(TurnFailed, match="turn 2: the speech was not transcribed"):
        check_turn(turn, 2)
