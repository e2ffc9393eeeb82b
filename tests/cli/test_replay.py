"""`duologue replay`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duologue.cli import main
from duologue.recording import RecordingWriter


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path) as writer:
        writer.write("sent", '{"type":"input_audio_buffer.append","audio":"AAAA"}')
        writer.write("sent", '{"type":"input_audio_buffer.append","audio":"AAAA"}')
        writer.write("received", '{"type":"response.audio.done","event_id":"e","response_id":"r","item_id":"i",'
                     '"output_index":0,"content_index":0}')  # fmt: skip
        writer.write("received", "garbage")
        writer.write("received", b"\x00\xff")
    return path


def test_a_recording_is_shown_as_typed_events(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(session)]) == 0
    shown = capsys.readouterr()
    assert "→  input_audio_buffer.append" in shown.out
    assert "×2" in shown.out
    assert "←  response.output_audio.done" in shown.out  # the canonical name of what was recorded
    assert shown.out.count("not a JSON object") == 2
    assert shown.err == ""


def test_json_lines_have_an_event_each_and_a_summary_last(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(session), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["direction"] for line in lines[:-1]] == ["sent", "sent", "received", "received", "received"]
    assert lines[0]["event"] == {"type": "input_audio_buffer.append", "audio": 3}
    assert "not a JSON object" in lines[3]["problem"]
    assert lines[-1]["summary"]["events"]["sent"] == {"input_audio_buffer.append": 2}


def test_of_a_damaged_file_what_can_be_read_is_shown(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with session.open("ab") as file:
        file.write(b"{}\n")
    assert main(["replay", str(session)]) == 1
    shown = capsys.readouterr()
    assert "response.output_audio.done" in shown.out
    assert f"{session}, line 7: " in shown.err
    assert shown.err.count("\n") == 1


def test_a_recording_that_a_crash_cut_off_is_shown_and_said_so(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session.write_bytes(session.read_bytes()[:-7])
    assert main(["replay", str(session)]) == 0
    shown = capsys.readouterr()
    assert "response.output_audio.done" in shown.out
    assert "ends in the middle of a line" in shown.err


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("hello\n", encoding="utf-8")
    assert main(["replay", str(tmp_path / "x")]) == 1
    assert "is not a recording" in capsys.readouterr().err
