"""`duologue gate`."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

from duologue.recording import RecordingWriter
from tests.cli.commands.test_inspect import written
from tests.cli.conftest import Command, Place
from tests.inspection._calls import barge_in_call, push_to_talk_call, vad_call


def test_limits_that_hold_are_exit_code_0(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    shown = command("gate", path, "--first-audio", "max<1.5s", "--errors", "0")
    assert shown.out.splitlines() == [
        "ok    first audio max<1.5s: max is 1300 ms, of 2 turns",
        "ok    errors count<=0: 0 errors",
    ]


def test_each_limit_that_is_broken_is_a_line_with_turn_and_time(tmp_path: Path, command: Command) -> None:
    files = [
        written(tmp_path / "vad.jsonl", vad_call()),
        written(tmp_path / "cut.jsonl", barge_in_call()),
        written(tmp_path / "pushed.jsonl", push_to_talk_call()),
    ]
    report, xml = tmp_path / "gate.json", tmp_path / "gate.xml"
    limits = ["--first-audio", "p95<800ms, max<1s", "--interrupt", "max<300ms", "--errors", "0"]
    shown = command("gate", *files, *limits, "--at-least", "1", "--json", report, "--junit", xml, code=1)
    lines = shown.out.splitlines()
    assert [line[:4] for line in lines] == ["FAIL", "FAIL", "ok  ", "FAIL"]
    assert "vad.jsonl, turn 2 at 7.200 s: 1300 ms" in lines[1]
    assert "pushed.jsonl, odd: No. (in answer to response.create) at 6.050 s" in lines[3]
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["holds"] is False
    assert [each["holds"] for each in found["findings"]] == [False, False, True, False]
    assert len(parse(xml).getroot().findall("testsuite/testcase/failure")) == 3
    assert "exists already" in command("gate", *files, *limits, "--json", report, code=2).err


def test_a_damaged_recording_is_judged_and_does_not_pass(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    with path.open("ab") as file:
        file.write(b"garbage\n")
    shown = command("gate", path, "--errors", "0", code=1)
    assert shown.out.startswith("ok")
    assert "what comes before was judged" in shown.err


def test_a_recording_that_a_crash_has_cut_off_is_judged(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    path.write_bytes(path.read_bytes()[:-7])
    assert "in the middle of a line" in command("gate", path, "--errors", "0").err


def test_a_session_without_turns_passes_no_limit_of_turns(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "empty.jsonl"
    RecordingWriter(path).close()
    assert "not measured" in command("gate", path, "--first-audio", "max<1s", code=1).out


def test_a_server_is_called_and_its_calls_are_judged(scripted_server: Place, tmp_path: Path, command: Command) -> None:
    kept = tmp_path / "kept"
    calls: list[str | Path] = [
        "--calls",
        "2",
        "--turns",
        "1",
        "--api-key",
        scripted_server.api_key,
        "--keep",
        kept,
        "--frames",
        "100ms",
    ]
    shown = command("gate", scripted_server.url, *calls, "--first-audio", "max<9s, count==2", "--errors", "0")
    assert [line[:4] for line in shown.out.splitlines()] == ["ok  "] * 3
    recordings = sorted(kept.iterdir())
    assert [path.name for path in recordings] == ["call-1-1.jsonl", "call-1-2.jsonl"]
    assert command("gate", *recordings, "--first-audio", "max<9s, count==2", "--errors", "0").out == shown.out
    (kept / "call-2-7.jsonl").touch()  # of a run with more calls: it would be judged together with those of now
    again = command("gate", scripted_server.url, *calls, "--first-audio", "max<1ms", code=2)
    assert "has recordings already" in again.err
    broken = command("gate", scripted_server.url, *calls, "--force", "--first-audio", "max<1ms", code=1)
    assert "call-1-" in broken.out
    assert sorted(kept.iterdir()) == recordings
    assert "numbers above 0" in command("gate", scripted_server.url, "--calls", "0", "--errors", "0", code=2).err


def test_what_is_wrong_with_the_command_line_is_a_sentence(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    assert "name a limit" in command("gate", path, code=2).err
    assert "name recordings" in command("gate", "--errors", "0", code=2).err
    assert "--first-audio: 'p95<800' needs a unit" in command("gate", path, "--first-audio", "p95<800", code=2).err
    assert "--at-least is a number" in command("gate", path, "--errors", "0", "--at-least", "-1", code=2).err
    assert "there is no file" in command("gate", tmp_path / "none.jsonl", "--errors", "0", code=2).err


def test_findings_do_not_replace_what_is_judged(tmp_path: Path, command: Command) -> None:
    path, report = written(tmp_path / "call.jsonl", vad_call()), tmp_path / "gate.json"
    before = path.read_bytes()
    shown = command("gate", path, "--errors", "0", "--junit", path, "--force", code=2)
    assert "call.jsonl is a file that is read" in shown.err
    assert path.read_bytes() == before
    assert "written twice" in command("gate", path, "--errors", "0", "--json", report, "--junit", report, code=2).err
    assert not report.exists()


def test_recordings_are_not_kept_twice(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    assert "--keep belongs to a URL" in command("gate", path, "--errors", "0", "--keep", tmp_path / "kept", code=2).err
