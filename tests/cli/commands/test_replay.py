"""`duologue replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duologue.recording import MarkNote, RecordingWriter
from tests.cli.commands.test_inspect import written
from tests.cli.conftest import Command
from tests.inspection._calls import vad_call

BETA_DELTA = (
    '{"type":"response.text.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,"content_index":0,'
    '"delta":"hello"}'
)


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


def test_a_recording_is_shown_as_typed_events(session: Path, command: Command) -> None:
    shown = command("replay", session)
    assert "→  input_audio_buffer.append" in shown.out
    assert "×2" in shown.out
    assert "←  response.output_audio.done" in shown.out  # the canonical name of what was recorded
    assert shown.out.count("not a JSON object") == 2
    assert shown.err == ""


def test_json_lines_have_an_event_each_and_a_summary_last(session: Path, command: Command) -> None:
    lines = command("replay", session, "--json").lines
    assert [line["direction"] for line in lines[:-1]] == ["sent", "sent", "received", "received", "received"]
    assert lines[0]["event"] == {"type": "input_audio_buffer.append", "audio": 3}
    assert "not a JSON object" in lines[3]["problem"]
    assert lines[-1]["summary"]["events"]["sent"] == {"input_audio_buffer.append": 2}


def test_a_recording_has_the_turns_of_the_call_as_a_talk_does(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    out = command("replay", path).out
    assert "  you        What time is it?\n  server     It is noon.\n" in out
    assert "  latency    first transcript 600 ms, text 650 ms, audio 700 ms\n" in out
    summary = command("replay", path, "--json").summary
    assert [turn["latencies_ms"]["first_audio"] for turn in summary["turns"]] == [700, 1300]
    assert [turn["transcripts"]["server"] for turn in summary["turns"]] == ["It is noon.", "Fifty-six."]
    assert "the end of the user's speech, without the silence" in summary["latencies_from"]


def test_of_a_damaged_file_what_can_be_read_is_shown(session: Path, command: Command) -> None:
    with session.open("ab") as file:
        file.write(b"{}\n")
    shown = command("replay", session, code=1)
    assert "response.output_audio.done" in shown.out
    assert f"{session}, line 7: " in shown.err
    assert shown.err.count("\n") == 1


def test_a_recording_that_a_crash_cut_off_is_shown_with_a_message(session: Path, command: Command) -> None:
    session.write_bytes(session.read_bytes()[:-7])
    shown = command("replay", session)
    assert "response.output_audio.done" in shown.out
    assert "ends in the middle of a line" in shown.err


def response_done(usage: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.done", "event_id": "e", "response": {"id": "r", "status": "completed", "usage": usage}}


STRANGE = {
    "unknown settings": {"type": "session.update", "session": {"type": "realtime", "mood": {"warm": True}}},
    "unknown usage": response_done({"total_tokens": 3, "input_tokens_details": {"text_tokens": 2}}),
    "much nesting": {"type": "new.event", "x": json.loads("[" * 600 + "]" * 600)},
}


@pytest.mark.parametrize("frame", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "json"])
def test_unknown_fields_are_shown(frame: dict[str, Any], options: list[str], tmp_path: Path, command: Command) -> None:
    with RecordingWriter(tmp_path / "strange.jsonl") as writer:
        writer.write("received", json.dumps(frame))
    shown = command("replay", tmp_path / "strange.jsonl", *options)
    assert (frame["type"] in shown.out, shown.err) == (True, "")


def test_usage_that_changes_its_shape_is_summed_as_far_as_it_goes(tmp_path: Path, command: Command) -> None:
    with RecordingWriter(tmp_path / "usage.jsonl") as writer:
        for details in (1, {"cached": 2}, True, {"cached": 3}):
            writer.write("received", json.dumps(response_done({"total_tokens": 3, "details": details})))
    summary = command("replay", tmp_path / "usage.jsonl", "--json").summary
    assert summary["usage"] == {"responses": {"total_tokens": 12, "details": 1}}


def test_the_header_of_a_recording_cannot_move_the_cursor(tmp_path: Path, command: Command) -> None:
    header = {"duologue": "recording", "version": 1, "side": "client", "started_at": "\x1b[2Jnow"}
    (tmp_path / "x.jsonl").write_text(json.dumps(header) + "\n", encoding="utf-8")
    assert "\x1b" not in command("replay", tmp_path / "x.jsonl", code=1).out


def test_a_recording_of_a_session_without_messages_fails(tmp_path: Path, command: Command) -> None:
    RecordingWriter(tmp_path / "empty.jsonl").close()
    shown = command("replay", tmp_path / "empty.jsonl", code=1)
    assert shown.err == f"duologue: {tmp_path}/empty.jsonl is a recording of a session without messages\n"


def test_what_is_no_message_is_shown_between_the_messages(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path, url="wss://a.example/v1/realtime?model=m&key=k", model="m", dialect="openai") as writer:
        writer.write("sent", '{"type":"response.cancel"}')
        writer.note(MarkNote(text="here"))
        writer.closed(1011, "broken", by="server")
    shown = command("replay", path).out.splitlines()
    assert shown[0].endswith(" at wss://a.example/v1/realtime?model=m, model m, dialect openai")
    assert [line.split("·  ", 1)[1] for line in shown if "mark:" in line or "closed" in line] == [
        "mark: here",
        "closed by the server, code 1011 (broken)",
    ]


def test_a_recording_is_read_in_the_dialect_that_it_names(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path, dialect="openai-beta") as writer:
        writer.write("received", BETA_DELTA)
    assert "response.output_text.delta" in command("replay", path).out
    command("check", path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--serve", "--port", "99999"), "--port is a number from 0 to 65535, not 99999"),
        (("--serve", "--port=-1"), "--port is a number from 0 to 65535, not -1"),
        (("--serve", "--json"), "--serve plays a file of a recording, without --json"),
        (("--port", "8000"), "--port and --match belong to --serve"),
        (("--match", "order"), "--port and --match belong to --serve"),
    ],
)
def test_options_that_cannot_be_right_are_told(
    options: tuple[str, ...], says: str, session: Path, command: Command
) -> None:
    assert says in command("replay", session, *options, code=2).err


def test_standard_input_cannot_be_served(command: Command) -> None:
    assert "--serve plays a file" in command("replay", "-", "--serve", code=2).err
