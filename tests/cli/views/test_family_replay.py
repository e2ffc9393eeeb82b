"""Recordings of Live and of translation sessions, shown by `duologue replay`."""

from __future__ import annotations

import json
from pathlib import Path

from duologue.recording import RecordingWriter
from tests.cli.commands.test_inspect import written
from tests.cli.conftest import Command
from tests.inspection.live._live_calls import exchange

SESSION = {"id": "live_1", "expires_at": 9, "model": "gpt-live-1", "status": "active"}
STARTED = json.dumps({"type": "session.started", "event_id": "e", "session": SESSION})


def words(speaker: str, delta: str, start_ms: int) -> str:
    times = {"start_ms": start_ms, "end_ms": start_ms + 200}
    return json.dumps({"type": f"session.{speaker}_transcript.delta", "event_id": "e", "delta": delta, **times})


def test_a_recorded_live_session_is_shown_with_what_was_said(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "live.jsonl"
    with RecordingWriter(path, family="live", url="wss://voice.example/v1/live/sessions") as writer:
        writer.write("sent", '{"type":"session.start","session":{"model":"gpt-live-1"}}')
        writer.write("received", STARTED)
        writer.write("received", words("input", "Where is my parcel?", 200))
        writer.write("received", words("output", "It comes on Tuesday.", 1400))
        writer.write("received", "garbage")
    shown = command("replay", path)
    assert "at wss://voice.example/v1/live/sessions" in shown.out
    assert "→  session.start" in shown.out
    assert "live_1, gpt-live-1" in shown.out
    assert "not a JSON object" in shown.out
    assert "\nuser: Where is my parcel?\nassistant: It comes on Tuesday.\n" in shown.out
    events = [json.loads(line)["event"] for line in command("replay", "--json", path).out.splitlines()[:2]]
    assert events[1]["session"] == SESSION


def test_the_turns_of_a_live_session_are_shown_with_their_delays(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "live.jsonl", exchange(), family="live")
    assert "  latency    first transcript 300 ms, text 400 ms, audio 600 ms\n" in command("replay", path).out
    summary = command("replay", path, "--json").summary
    assert [turn["latencies_ms"]["first_audio"] for turn in summary["turns"]] == [600, 800]
    assert [turn["first_audio_ms"] for turn in command("inspect", path, "--json").lines[0]["call"]["turns"]] == [
        600,
        800,
    ]
    assert (
        "max is 800 ms, of 2 turns" in command("gate", path, "--first-audio", "max<1s", "--interrupt", "max<=400ms").out
    )


def test_a_recorded_translation_is_shown_as_one(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "translation.jsonl"
    with RecordingWriter(path, family="translation") as writer:
        writer.write("received", '{"type":"session.output_transcript.delta","event_id":"e","delta":"hola"}')
        writer.write("received", "[1]")
    shown = command("replay", path)
    assert "←  session.output_transcript.delta" in shown.out
    assert "hola" in shown.out


def test_a_recording_without_messages_or_with_damage_is_told(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "live.jsonl"
    with RecordingWriter(path, family="live"):
        pass
    assert "without messages" in command("replay", path, code=1).err
    with RecordingWriter(path, family="live") as writer:
        writer.write("received", STARTED)
    path.write_text(path.read_text("utf-8") + '{"at_s": "never"}\n' + '{"at_s": 1, "direction"', encoding="utf-8")
    assert "line 3" in command("replay", path, code=1).err
