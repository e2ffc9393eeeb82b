"""`duologue conform`, as people and scripts run it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from duologue.conformance import rules
from duologue.recording import ClosedLine, ConnectedLine, Frame, RecordingReader
from tests.cli.conftest import Command, Place, server_of

QUICK = ["--only", "connect.realtime", "session.update", "item.root", "error.invalid_api_key"]


@pytest.fixture
def conform(scripted_server: Place, command: Command) -> Command:
    """Tries our server."""
    return partial(command, "conform", scripted_server.url, "--api-key", scripted_server.api_key)


def test_a_server_that_keeps_the_rules_ends_in_0(conform: Command) -> None:
    printed = conform(*QUICK).out
    assert "4 passed; of the required rules that apply, 4 of 4 hold." in printed
    assert [line.split()[:3] for line in printed.splitlines() if "item.root" in line] == [
        ["✓", "item.root", "required"]
    ]


def test_each_scenario_is_named_on_standard_error_before_it_runs_also_in_a_pipe(conform: Command) -> None:
    shown = conform("--json", "--only", "connect.realtime", "item.root")
    named = shown.err.splitlines()
    assert len(named) == len(set(named)) >= 2
    assert all(line.endswith(" …") for line in named)
    assert json.loads(shown.out)["holds"] is True


def test_json_is_one_object_with_everything_that_was_found(conform: Command) -> None:
    found = json.loads(conform("--json", "--only", "error.invalid_json", "mcp.call").out)
    assert found["holds"] is True
    assert found["counts"] == {"passed": 1, "failed": 0, "inconclusive": 0, "skipped": 1}
    by_rule = {each["rule"]: each for each in found["findings"]}
    assert by_rule["error.invalid_json"]["scenario"] == "rejected events"
    assert by_rule["mcp.call"]["seen"] == "needs an MCP server that the realtime server can reach"


def test_a_server_that_breaks_a_required_rule_ends_in_1(command: Command) -> None:
    def greet_wrongly(socket: ServerConnection) -> None:
        socket.send('{"type": "session.begun"}')
        socket.recv()

    with server_of(greet_wrongly) as url:
        shown = command("conform", url, "--only", "connect.realtime", "--timeout", "0.2", code=1)
    assert "no session.created within 0.2 s; the last event was session.begun" in shown.out


def test_a_recording_holds_every_session_and_no_key(conform: Command, scripted_server: Place, tmp_path: Path) -> None:
    file = tmp_path / "conform.jsonl"
    conform("--only", "connect.realtime", "--record", file)
    with RecordingReader(file) as recording:
        lines = list(recording.lines())
        assert recording.header.family == "realtime"
    frames = [line for line in lines if isinstance(line, Frame)]
    assert any("session.created" in str(frame.message) for frame in frames)
    closed = {line.connection for line in lines if isinstance(line, ClosedLine)}
    assert {line.connection for line in frames} <= closed
    assert closed - {1} == {line.connection for line in lines if isinstance(line, ConnectedLine)}
    assert scripted_server.api_key not in file.read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_ends_the_recording_and_not_the_trial(conform: Command) -> None:
    printed = conform("--only", "connect.realtime", "--record", "/dev/full", code=1)
    assert "1 passed" in printed.out
    assert printed.err.endswith("duologue: recording to /dev/full stopped: No space left on device\n")


def test_translation_is_a_family_of_its_own(conform: Command) -> None:
    found = json.loads(conform("--json", "--family", "translation", "--only", "translation.connect").out)
    assert found["holds"] is True
    assert [(each["rule"], each["family"]) for each in found["findings"]] == [("translation.connect", "translation")]


def test_a_url_of_calls_is_checked_over_webrtc(scripted_server: Place, command: Command, tmp_path: Path) -> None:
    pytest.importorskip("webrtc", reason="needs the extra webrtc")
    place = scripted_server.url.replace("ws://", "http://") + "/calls"
    arguments = ("--api-key", scripted_server.api_key, "--only", "webrtc.created", "connect.realtime", "response.pcm")
    found = json.loads(command("conform", place, *arguments, "--json", "--record", tmp_path / "calls.jsonl").out)
    assert {each["rule"]: each["outcome"] for each in found["findings"]} == {
        "connect.realtime": "passed",
        "webrtc.created": "passed",
        "response.pcm": "skipped",
    }
    assert "session.created" in (tmp_path / "calls.jsonl").read_text(encoding="utf-8")


def test_live_is_a_family_of_its_own(scripted_server: Place, command: Command) -> None:
    place = scripted_server.url.removesuffix("/v1/realtime")
    arguments = ("--api-key", scripted_server.api_key, "--family", "live", "--json", "--only", "live.start")
    found = json.loads(command("conform", place, *arguments).out)
    assert found["holds"] is True
    assert [(each["rule"], each["family"]) for each in found["findings"]] == [("live.start", "live")]


def test_list_names_every_rule_and_connects_to_nothing(command: Command) -> None:
    listed = {line.split()[0] for line in command("conform", "--list").out.splitlines() if line.startswith("  ")}
    assert listed == rules().keys()
    live = {
        line.split()[0] for line in command("conform", "--list", "--family", "live").out.splitlines() if "live." in line
    }
    assert live == rules("live").keys()
    (rule,) = json.loads(command("conform", "--list", "--json", "--only", "one_done").out)["rules"]
    assert (rule["rule"], rule["level"], rule["provenance"]) == ("one_done", "required", "spec")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name a server"),
        (["ws://127.0.0.1:9", "--only", "no such rule"], "there is no rule no such rule"),
        (["ws://127.0.0.1:9", "--only", "live.start"], "a rule of another family; add --family live"),
        (["ws://127.0.0.1:9", "--family", "live", "--only", "prev_chain"], "add --family realtime"),
        (["ws://127.0.0.1:9", "--timeout", "0"], "above 0"),
        (["ws://127.0.0.1:9", "--dialect", "klingon"], "there is no dialect 'klingon'"),
        (["ws://127.0.0.1:9", "--family", "live", "--dialect", "xai"], "known are auto, openai-live"),
        (["ws://127.0.0.1:9/v1/realtime", "--family", "live"], "this is a URL of Realtime"),
        (["ws://127.0.0.1:9/v1/realtime/calls", "--family", "live"], "this is a URL of calls"),
        (["no where"], "not a URL"),
        (["ws://127.0.0.1:9"], "127.0.0.1"),
    ],
)
def test_what_cannot_be_tried_ends_in_2_with_a_sentence(arguments: list[str], sentence: str, command: Command) -> None:
    printed = command("conform", *arguments, code=2)
    assert sentence in printed.err
    assert printed.out == ""


def test_a_server_that_cannot_be_reached_leaves_the_recording_of_an_earlier_trial(
    command: Command, tmp_path: Path
) -> None:
    old = tmp_path / "old.jsonl"
    old.write_text("precious", encoding="utf-8")
    command("conform", "ws://127.0.0.1:1", "--force", "--record", old, code=2)
    assert old.read_text(encoding="utf-8") == "precious"
