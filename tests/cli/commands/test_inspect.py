"""`duologue inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duologue.recording import RecordingLine, RecordingWriter, SessionFamily
from tests.cli.conftest import Command, write_lines
from tests.inspection._calls import barge_in_call, push_to_talk_call, vad_call


def written(path: Path, lines: list[RecordingLine], *, family: SessionFamily = "realtime") -> Path:
    with RecordingWriter(path, family=family) as writer:
        for line in lines:
            writer.write_line(line)
    return path


@pytest.mark.parametrize(
    ("lines", "first_audio", "interruptions"),
    [
        (vad_call(), [700, 1300], []),
        (push_to_talk_call(), [500, None], []),
        (barge_in_call(), [900, 800], [(1180, 20)]),
    ],
    ids=["server VAD", "push to talk", "barge-in"],
)
def test_the_figures_of_a_recording_are_those_that_were_worked_out_by_hand(
    tmp_path: Path,
    command: Command,
    lines: list[RecordingLine],
    first_audio: list[int | None],
    interruptions: list[tuple[int, int]],
) -> None:
    path = written(tmp_path / "call.jsonl", lines)
    shown = json.loads(command("inspect", path, "--json").out)
    assert [turn["first_audio_ms"] for turn in shown["call"]["turns"]] == first_audio
    assert [(each["heard_ms"], each["yield_ms"]) for each in shown["call"]["interruptions"]] == interruptions
    assert shown["figures"]["turns"] == 2
    assert shown["figures"]["interruptions"] == len(interruptions)
    assert shown["cut_off"] is False


def test_what_comes_before_damage_is_inspected(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    with path.open("ab") as file:
        file.write(b"garbage\n")
    shown = command("inspect", path, "--json", code=1)
    assert json.loads(shown.out)["figures"]["turns"] == 2
    assert "line " in shown.err


def test_a_recording_that_a_crash_has_cut_off_is_inspected(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    path.write_bytes(path.read_bytes()[:-7])
    assert json.loads(command("inspect", path, "--json").out)["cut_off"] is True


def test_other_files_and_other_ways_of_showing_are_refused_in_a_sentence(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "frames.jsonl"
    write_lines(path, {"type": "response.cancel"})
    assert "needs a recording of duologue" in command("inspect", path, "--json", code=2).err
    assert "needs a recording of duologue" in command("inspect", path, code=2).err
