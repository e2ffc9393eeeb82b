"""`duologue demo`, with the real engines."""

from __future__ import annotations

import asyncio
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import duologue
from duologue.audio.wav import read_wav
from duologue.cli.commands.demo import TURN_ORDER, check_turn
from duologue.cli.commands.demo import speech as clips
from duologue.cli.errors import TurnFailed
from duologue.cli.turns.turn import Turn
from duologue.recording import RecordedConversation, RecordingReader
from duologue.testing import cassette_server
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
    said = [message.text for message in RecordedConversation(tmp_path / "demo" / "session.jsonl").transcript()]
    assert asyncio.run(_said_again(tmp_path / "demo" / "session.jsonl")) == said


async def _said_again(recording: Path) -> list[str]:
    """What a conversation hears that says the same to the recording."""
    transcribed = {
        "audio": {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}}
    }
    async with (
        cassette_server(recording) as url,
        duologue.converse(url, model="demo", session=transcribed) as conversation,
        conversation.stream("response.done") as answers,
    ):
        for _, _, sound in clips():
            await conversation.send_audio(sound.at(24_000).pcm16 + bytes(48 * 2000))
            async for _ in answers:
                break
        return [message.text for message in conversation.transcript()]


@needs_speech
def test_over_live_work_is_handed_over_and_the_model_falls_silent_when_the_user_talks(
    tmp_path: Path, command: Command
) -> None:
    shown = command("demo", "--live", "--out-dir", tmp_path / "demo")
    assert shown.err == ""
    for words in ("you: What is seven times eight?", "the model hands over work", "you: What time is it?"):
        assert words in shown.out
    interrupted = re.search(r"interrupted: the model fell silent (\d+) ms after the words began", shown.out)
    assert interrupted is not None
    # 300 on a machine that keeps up; here other tests run beside it. The bound itself: tests/server/live.
    assert int(interrupted[1]) <= 600
    assert read_wav(tmp_path / "demo" / "reply.wav").duration_ms > 5000
    with RecordingReader(tmp_path / "demo" / "session.jsonl") as recording:
        types = [json.loads(frame.message)["type"] for frame in recording]
    assert types[:2] == ["session.start", "session.started"]
    assert types[-1] == "session.closed"


def test_a_live_session_cannot_be_hurried(tmp_path: Path, command: Command) -> None:
    shown = command("demo", "--live", "--fast", "--out-dir", tmp_path / "demo", code=2)
    assert "a Live session runs in real time" in shown.err


def test_what_is_said_is_partly_recorded_and_partly_synthesised() -> None:
    sources = [source for _, source, _ in clips()]
    assert len(sources) == 3
    assert {source.split()[0] for source in sources} == {"recorded", "synthesised"}


def test_a_turn_without_its_events_in_order_fails_the_demo() -> None:
    turn = Turn(spoken=True)
    with pytest.raises(TurnFailed, match="turn 2: the speech was not transcribed"):
        check_turn(turn, 2)
