"""`duologue check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duologue import catalogue
from duologue.recording import RecordingWriter
from tests.cli.conftest import Command, write_lines

GOOD: list[dict[str, Any]] = [
    catalogue.examples()[entry.key] for entry in catalogue.events() if entry.api == "realtime"
]
DELTA = '{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,\
"content_index":0,"delta":"AAAA"}'


def test_a_file_of_bare_frames_is_counted_by_type(tmp_path: Path, command: Command) -> None:
    file = write_lines(tmp_path / "frames.jsonl", *GOOD, "", DELTA)
    first, second, *_ = command("check", file).out.splitlines()
    assert first == f"{file}: {len(GOOD) + 1} frames, 0 unknown, 0 problems"
    assert second.split() == ["2", "response.output_audio.delta"]


def test_a_frame_may_stand_under_a_key_as_object_or_as_text(tmp_path: Path, command: Command) -> None:
    file = write_lines(tmp_path / "f.jsonl", {"frame": json.loads(DELTA), "direction": "server"}, {"frame": DELTA})
    assert command("check", file).out.startswith(f"{file}: 2 frames, 0 unknown")


def test_unknown_types_and_problems_are_reported_with_their_lines(tmp_path: Path, command: Command) -> None:
    file = write_lines(
        tmp_path / "f.jsonl",
        DELTA,
        {"type": "new.thing"},
        {"type": "response.done", "event_id": "e"},
        "garbage",
        {"frame": 7},
        {"type": "new.thing"},
        {"kind": "nothing"},
        DELTA.replace("AAAA", "!!"),
    )
    lines = command("check", file, code=1).out.splitlines()
    assert lines[0] == f"{file}: 6 frames, 2 unknown, 5 problems"
    findings = [line.removeprefix(f"{file}:") for line in lines if line.startswith(f"{file}:")][1:]
    assert findings[0] == "2: unknown event type 'new.thing' - at `$.type`, and 1 time more"
    assert findings[1] == "3: response.done: Object missing required field `response` - at `$`"
    assert findings[2].startswith("4: not a JSON object")
    assert findings[3] == "5: `frame` is neither an object nor a text"
    assert findings[4] == "7: no `type` - at `$.type`"
    assert findings[5].startswith("8: response.output_audio.delta: audio field is not base64")


def test_a_recording_is_checked_message_by_message(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path) as writer:
        writer.write("received", DELTA)
        writer.write("received", b"\0\1")
        writer.write("sent", '{"type":"response.cancel"}')
    with path.open("ab") as file:
        file.write(b'{"at_s":"x"}\n{"at_s":9,"direction":"sent","te')
    (report,) = json.loads(command("check", path, "--json", code=1).out)["files"]
    assert report["frames"] == 2
    assert [problem["line"] for problem in report["problems"]] == [3, 5, 6]
    assert "binary" in report["problems"][0]["problem"]
    assert "crash" in report["problems"][2]["problem"]


def test_a_recording_of_a_newer_version_is_one_sentence(tmp_path: Path, command: Command) -> None:
    file = write_lines(
        tmp_path / "new.jsonl", {"duologue": "recording", "version": 99, "started_at": "", "side": "client"}
    )
    shown = command("check", file, code=1)
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "version 99" in shown.err


def test_frames_of_another_dialect_are_checked_in_it(tmp_path: Path, command: Command) -> None:
    file = write_lines(
        tmp_path / "beta.jsonl",
        {"type": "conversation.item.input_audio_transcription.completed", "event_id": "e", "item_id": "i",
         "content_index": 0, "transcript": "hi"},
    )  # fmt: skip
    command("check", file, code=1)
    command("check", file, "--dialect", "openai-beta")


def test_frames_of_the_translation_endpoint_are_checked_as_such(tmp_path: Path, command: Command) -> None:
    frames = [catalogue.examples()[entry.key] for entry in catalogue.events() if entry.api == "translation"]
    file = write_lines(tmp_path / "t.jsonl", *frames)
    command("check", file, "--api", "translation")
    write_lines(tmp_path / "t.jsonl", *frames, {"type": "response.cancel"}, {"type": "session.closed"})
    (report,) = json.loads(command("check", file, "--api", "translation", "--json", code=1).out)["files"]
    assert (len(report["unknown"]), len(report["problems"])) == (1, 1)


@pytest.mark.parametrize("api", ["realtime", "translation", "live"])
def test_frames_show_their_endpoint_themselves(tmp_path: Path, command: Command, api: str) -> None:
    frames: list[Any] = [catalogue.examples()[entry.key] for entry in catalogue.events() if entry.api == api]
    if api == "realtime":
        frames = [catalogue.examples()["realtime:server:session.created"], DELTA]
    file = write_lines(tmp_path / "frames.jsonl", *frames)
    (report,) = json.loads(command("check", file, "--json").out)["files"]
    assert (report["api"], report["frames"], report["unknown"], report["problems"]) == (api, len(frames), [], [])
    write_lines(tmp_path / "frames.jsonl", *frames, {"type": "session.nonsense", "event_id": "e"})
    (report,) = json.loads(command("check", file, "--api", api, "--json", code=1).out)["files"]
    assert [finding["type"] for finding in report["unknown"]] == ["session.nonsense"]


def test_a_dialect_of_live_says_the_endpoint(tmp_path: Path, command: Command) -> None:
    file = write_lines(
        tmp_path / "live.jsonl",
        {"type": "session.update", "event_id": "c", "session": {"model": "m", "voice": "yunshu"}},
        {"type": "session.updated", "event_id": "s", "session": {"id": "i", "model": "m"}},
        {"type": "session.updated", "event_id": "s"},
    )
    shown = command("check", file, "--dialect", "qwen-audio-live", "--json", code=1)
    (report,) = json.loads(shown.out)["files"]
    assert (report["api"], report["frames"], report["unknown"]) == ("live", 3, [])
    assert [finding["line"] for finding in report["problems"]] == [3]
    assert command("check", file, "--dialect", "kugel", "--api", "realtime", code=2).err == (
        "duologue: kugel is a dialect of the live endpoint: omit --dialect, or say --api live\n"
    )
    assert "omit --dialect" in command("check", file, "--dialect", "kugel", "--api", "translation", code=2).err


def test_live_sound_that_is_no_base64_is_found(tmp_path: Path, command: Command) -> None:
    started = catalogue.examples()["live:server:session.started"]
    file = write_lines(tmp_path / "live.jsonl", started, {"type": "session.output_audio.delta", "delta": "!"})
    assert "not base64" in command("check", file, code=1).out


def test_what_was_read_before_a_file_broke_is_reported(tmp_path: Path, command: Command) -> None:
    file = tmp_path / "cut.json"
    file.write_text(json.dumps([DELTA, DELTA])[:-20], encoding="utf-8")
    (report,) = json.loads(command("check", file, "--json", code=1).out)["files"]
    (named,) = json.loads(command("check", file, "--api", "realtime", "--json", code=1).out)["files"]
    assert report == named


def test_nothing_is_checked_when_a_file_is_not_there(tmp_path: Path, command: Command) -> None:
    file = write_lines(tmp_path / "f.jsonl", DELTA)
    shown = command("check", "nowhere.jsonl", file, "neither.jsonl", code=2)
    assert (shown.out, shown.err) == ("", "duologue: there is no file nowhere.jsonl, neither.jsonl\n")


def test_several_files_are_checked_even_if_one_cannot_be_read(tmp_path: Path, command: Command) -> None:
    file = write_lines(tmp_path / "f.jsonl", DELTA)
    shown = command("check", tmp_path, file, code=1)
    assert shown.out.startswith(f"{file}: 1 frame, 0 unknown, 0 problems")
    assert shown.err == f"duologue: {tmp_path}: Is a directory\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["f.jsonl", "--dialect", "klingon"], ["f.jsonl", "--api", "translation", "--dialect", "openai-beta"]],
)
def test_an_invalid_command_line_is_one_sentence(arguments: list[str], command: Command) -> None:
    assert command("check", *arguments, code=2).err.count("\n") == 1
