"""`duologue doctor`, as people and scripts run it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess

import pytest

from tests.cli.conftest import Command, Place, running
from tests.transports._answering import unused_port


def test_a_server_that_works_ends_in_0(scripted_server: Place, command: Command) -> None:
    shown = command("doctor", scripted_server.url, "--api-key", scripted_server.api_key, "--turn")
    signs = {line.split()[1]: line[0] for line in shown.out.splitlines() if line[:1] in "✓!✗–" and line.strip()}
    assert {signs[step] for step in ("tcp", "http", "health", "websocket", "first_event", "turn", "live")} == {"✓"}
    assert scripted_server.api_key not in shown.out
    assert shown.err == ""


def test_a_call_is_connected_over_udp(scripted_server: Place, command: Command) -> None:
    pytest.importorskip("webrtc", reason="needs the extra webrtc")
    place = scripted_server.url.replace("ws://", "http://") + "/calls"
    arguments = ("--api-key", scripted_server.api_key, "--only", "webrtc", "--json")
    steps = {each["step"]: each for each in json.loads(command("doctor", place, *arguments).out)["steps"]}
    assert [steps[step]["outcome"] for step in ("calls", "udp", "page")] == ["ok", "ok", "ok"]
    assert "session.created came after" in steps["udp"]["happened"]


def test_json_is_one_object(scripted_server: Place, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-that-is-wrong")
    found = json.loads(command("doctor", scripted_server.url, "--json", "--only", "websocket", code=1).out)
    assert found["ok"] is False
    assert found["url"] == scripted_server.url
    steps = {each["step"]: each for each in found["steps"]}
    assert steps["first_event"]["outcome"] == "failed"
    assert steps["first_event"]["facts"] == {"error": "AuthenticationFailed"}
    assert "a-key-that-is-wrong" not in str(found)


def test_no_server_ends_in_1(command: Command) -> None:
    assert "1 of 1 steps failed: tcp." in command("doctor", f"127.0.0.1:{unused_port()}", code=1).out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no where"], "not a url"),
        (["localhost:1", "--dialect", "klingon"], "there is no dialect 'klingon'"),
        (["localhost:1", "--timeout", "soon"], "--timeout is a duration"),
        (["localhost:1", "--only", "carrier-pigeon"], "only"),
    ],
)
def test_what_cannot_be_tried_ends_in_2_with_a_sentence(arguments: list[str], sentence: str, command: Command) -> None:
    shown = command("doctor", *arguments, code=2)
    assert sentence in shown.err.lower()
    assert shown.out == ""


def test_ctrl_c_ends_it_in_the_middle_of_a_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with running("doctor", f"127.0.0.1:{port}", stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            while "tcp" not in (line := process.stdout.readline()):
                assert line
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in out + err
