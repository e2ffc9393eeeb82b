"""`duologue convert`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duologue.recording import RecordingWriter
from tests.cli.conftest import Command, write_lines

BETA = {"type": "response.text.delta", "event_id": "e", "response_id": "r", "item_id": "i", "output_index": 0,
        "content_index": 0, "delta": "hé"}  # fmt: skip
GA = {**BETA, "type": "response.output_text.delta"}
TO_GA = ["--from", "openai-beta", "--to", "openai"]
TO_BETA = ["--from", "openai", "--to", "openai-beta"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "frames.jsonl"


def frames_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_frames_come_out_as_json_lines_in_the_other_dialect(file: Path, command: Command) -> None:
    write_lines(file, BETA, {"frame": BETA})
    shown = command("convert", *TO_GA, file)
    assert frames_of(shown.out) == [GA, GA]
    assert shown.err == ""


def test_a_recording_is_converted_without_its_header(file: Path, command: Command) -> None:
    with RecordingWriter(file) as writer:
        writer.write("received", json.dumps(BETA))
    assert frames_of(command("convert", *TO_GA, file).out) == [GA]


def test_what_is_lost_in_translation_is_named_with_its_line_and_is_no_failure(file: Path, command: Command) -> None:
    update = {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "truncation": "auto"}}
    write_lines(file, GA, update, {"type": "something.new", "a": 1})
    shown = command("convert", *TO_BETA, file)
    assert frames_of(shown.out) == [
        BETA,
        {"type": "session.update", "session": {"instructions": "x"}},
        {"type": "something.new", "a": 1},
    ]
    assert shown.err.splitlines() == [
        f"{file}:2: session.update: openai-beta has no counterpart for session.truncation",
        f"{file}:3: passed on as it is: unknown event type 'something.new' - at `$.type`",
    ]


def test_a_foreign_field_is_omitted_and_named(file: Path, command: Command) -> None:
    write_lines(file, {**BETA, "mine": 1})
    shown = command("convert", *TO_GA, file)
    assert frames_of(shown.out) == [GA]
    assert shown.err == f"{file}:1: response.output_text.delta: openai has no counterpart for mine\n"


def test_an_event_that_the_other_dialect_does_not_have_is_omitted_and_named(file: Path, command: Command) -> None:
    write_lines(file, {"type": "mcp_list_tools.in_progress", "event_id": "e", "item_id": "i"})
    shown = command("convert", *TO_BETA, file)
    assert shown.out == ""
    assert shown.err == f"{file}:1: mcp_list_tools.in_progress: omitted, openai-beta has no such event\n"


def test_items_get_the_events_of_the_target_dialect(file: Path, command: Command) -> None:
    item = {"id": "i", "type": "message", "role": "user", "status": "completed", "content": []}
    twice = [
        {"type": "conversation.item.added", "event_id": "e", "previous_item_id": None, "item": item},
        {"type": "conversation.item.done", "event_id": "event_converted_1", "previous_item_id": None, "item": item},
    ]
    once = {"type": "conversation.item.created", "event_id": "e", "previous_item_id": None, "item": item}
    write_lines(file, once)
    assert frames_of(command("convert", *TO_GA, file).out) == twice
    write_lines(file, *twice)
    shown = command("convert", *TO_BETA, file)
    assert (frames_of(shown.out), shown.err) == ([once], "")
    write_lines(file, *twice)
    shown = command("convert", "--from", "openai", "--to", "together", file)
    assert (shown.out, shown.err.count("omitted")) == ("", 2)


def test_lines_that_hold_no_frame_are_named_and_fail_at_the_end(file: Path, command: Command) -> None:
    write_lines(file, "garbage", BETA, {"frame": "garbage"})
    shown = command("convert", *TO_GA, file, code=1)
    assert frames_of(shown.out) == [GA]
    assert [line.split(": ")[0] for line in shown.err.splitlines()] == [f"{file}:1", f"{file}:3"]


def test_the_result_can_go_into_a_file(file: Path, command: Command) -> None:
    write_lines(file, BETA)
    out = file.with_name("out.jsonl")
    assert command("convert", *TO_GA, file, "--out", out).out == ""
    assert frames_of(out.read_text(encoding="utf-8")) == [GA]


def test_a_file_that_is_not_there_is_one_sentence_and_leaves_nothing_behind(file: Path, command: Command) -> None:
    out = file.with_name("out.jsonl")
    assert command("convert", *TO_GA, file, "--out", out, code=2).err == f"duologue: there is no file {file}\n"
    shown = command("convert", *TO_GA, file.parent, "--out", out, code=1)
    assert shown.err == f"duologue: {file.parent}: Is a directory\n"
    assert not out.exists()


def test_an_invalid_command_line_is_one_sentence(file: Path, command: Command) -> None:
    write_lines(file, BETA)
    for arguments in (
        ["--from", "klingon", "--to", "openai"],
        ["--from", "openai", "--to", "klingon"],
        ["--from", "openai"],
        [*TO_GA, "--out", str(file)],
    ):
        assert command("convert", *arguments, file, code=2).err.count("\n") == 1
    assert frames_of(file.read_text(encoding="utf-8")) == [BETA]


def test_a_file_that_is_there_is_replaced_only_with_force(file: Path, tmp_path: Path, command: Command) -> None:
    write_lines(file, BETA)
    out = tmp_path / "out.jsonl"
    out.write_text("precious", encoding="utf-8")
    shown = command("convert", *TO_GA, file, "--out", out, code=2)
    assert "out.jsonl exists already: name another file, or add --force to replace it" in shown.err
    assert out.read_text(encoding="utf-8") == "precious"
    command("convert", *TO_GA, file, "--out", out, "--force")
    assert frames_of(out.read_text(encoding="utf-8")) == [GA]


@pytest.mark.parametrize("arguments", [["talk", "--say", "Hi", "--out"], ["talk", "--say", "Hi", "--record"],
                                     ["conform", "ws://127.0.0.1:1", "--record"]])  # fmt: skip
def test_commands_that_keep_a_call_replace_nothing_and_follow_no_link(
    arguments: list[str], tmp_path: Path, command: Command
) -> None:
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_text("precious", encoding="utf-8")
    link.symlink_to(kept)
    assert "add --force" in command(*arguments, kept, code=2).err
    for force in ([], ["--force"]):
        assert "a symbolic link, which is not followed" in command(*arguments, link, *force, code=2).err
    assert kept.read_text(encoding="utf-8") == "precious"


def test_a_demo_replaces_nothing_in_a_folder_that_was_named(tmp_path: Path, command: Command) -> None:
    (tmp_path / "session.jsonl").write_text("precious", encoding="utf-8")
    assert "session.jsonl exists already" in command("demo", "--out-dir", tmp_path, code=2).err
    assert (tmp_path / "session.jsonl").read_text(encoding="utf-8") == "precious"


def test_live_frames_are_converted_between_their_vendors(file: Path, command: Command) -> None:
    qwen = {"type": "session.update", "event_id": "e", "session": {"model": "m", "voice": "yunshu", "transport": {}}}
    write_lines(file, qwen, {"type": "session.created", "session": {}})
    shown = command("convert", "--from", "qwen-audio-live", "--to", "openai-live", file)
    start = {
        "type": "session.start",
        "event_id": "e",
        "session": {"model": "m", "audio": {"output": {"voice": "yunshu"}}},
    }
    assert frames_of(shown.out) == [start, {"type": "session.created", "session": {}}]
    assert "session.start: openai-live has no counterpart for session.transport" in shown.err


def test_dialects_of_two_families_are_refused(file: Path, command: Command) -> None:
    write_lines(file, GA)
    assert "two families" in command("convert", "--from", "openai", "--to", "kugel", file, code=2).err
