"""`duologue replay --serve`: a recording that is played to clients."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.cli.conftest import Command, running
from tests.testing.cassettes._tape import GREETING, Tape


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return Tape(tmp_path / "call.jsonl").server(GREETING).client("a").server("b").done()


@pytest.mark.skipif(sys.platform == "win32", reason="a child process cannot be sent a Ctrl-C there")
def test_it_is_played_to_one_client_after_another_until_the_command_ends(recording: Path) -> None:
    with running("replay", str(recording), "--serve") as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        for _ in range(2):
            with connect(url) as client:
                assert json.loads(client.recv(timeout=5)) == GREETING
                client.send('{"type":"a"}')
                assert client.recv(timeout=5) == '{"type": "b"}'
        with connect(url) as client:
            client.send('{"type":"other"}')
            assert [json.loads(client.recv(timeout=5))["type"] for _ in "12"] == ["session.created", "error"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "event 1 of the client is not the recorded one (line 3 of the recording)" in errors


def test_a_port_that_is_taken_is_told(recording: Path, command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = command("replay", recording, "--serve", "--port", str(port), code=2)
    assert f"cannot listen on port {port}: " in shown.err


def test_only_recordings_of_our_own_are_played(tmp_path: Path, command: Command) -> None:
    other = tmp_path / "frames.jsonl"
    other.write_text('{"type":"session.created"}\n', encoding="utf-8")
    shown = command("replay", other, "--serve", code=1)
    assert "is not a recording: its first line is no header" in shown.err
