"""`duologue load`."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from tests.cli.conftest import Command, Place, server_of

SHORT = ("--hold", "4s", "--barge-in", "0", "--frames", "100ms")


@pytest.fixture(autouse=True)
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run beside others, and time is no subject of these."""
    monkeypatch.setattr("duologue.load.report.MAX_LATE_MS", 1e9)


def test_levels_are_a_table_a_file_and_pages(scripted_server: Place, tmp_path: Path, command: Command) -> None:
    report, page = tmp_path / "load.json", tmp_path / "load.html"
    key = ("--api-key", scripted_server.api_key)
    shown = command("load", scripted_server.url, *key, "--calls", "1,2", *SHORT, "--json", report, "--html", page)
    table = shown.out.splitlines()
    assert [line.split()[0] for line in table] == ["calls", "1", "2"]
    found = json.loads(report.read_text(encoding="utf-8"))
    assert [level["calls"] for level in found["levels"]] == [1, 2]
    assert all(level["lost"] == 0 and level["turns"] for level in found["levels"])
    assert scripted_server.api_key not in report.read_text(encoding="utf-8")
    assert 'href="load-call-1.html"' in page.read_text(encoding="utf-8")
    assert (tmp_path / "load-call-1.html").stat().st_size > 10_000
    again = command("load", scripted_server.url, *key, "--calls", "1", *SHORT, "--html", page, code=2)
    assert "exists already" in again.err


def test_a_search_ends_with_the_calls_that_are_held(
    scripted_server: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.cli.commands.load._MOST", 2)
    key = ("--api-key", scripted_server.api_key)
    shown = command("load", scripted_server.url, *key, "--calls", "1", *SHORT, "--until", "max_first_audio=9s")
    assert "held: 2 calls with max_first_audio=9s" in shown.out
    assert "1 call …" in shown.err
    none = command("load", scripted_server.url, *key, "--calls", "1", *SHORT, "--until", "max_ready=1ms", code=1)
    assert "held: 0 calls" in none.out


def test_a_server_that_never_answers_is_exit_code_1(command: Command) -> None:
    created = {"type": "session.created", "event_id": "e1", "session": {"type": "realtime", "id": "s", "model": "m"}}
    updated = {**created, "type": "session.updated"}

    def never(connection: ServerConnection) -> None:
        connection.send(json.dumps(created))
        for _ in connection:  # the configuration, and then audio
            connection.send(json.dumps(updated))

    with server_of(never) as url:
        shown = command("load", url, "--calls", "1", *SHORT, "--answer-within", "1s", code=1)
    row = shown.out.splitlines()[1].split()
    assert row[3] != "0"
    assert row[4] == "–"
    assert "turns were not answered" in shown.out


def test_a_server_that_is_not_there_or_refuses_is_a_sentence(scripted_server: Place, command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    assert f"127.0.0.1:{port}" in command("load", f"ws://127.0.0.1:{port}", "--calls", "1", code=1).err
    assert "key" in command("load", scripted_server.url, "--api-key", "wrong", "--calls", "1", code=1).err
    assert "add --family live" in command("load", f"{scripted_server.url}/v1/live/sessions", "--calls", "1", code=2).err
    assert "is no server of this machine" in command("load", "wss://203.0.113.7", "--calls", "1", code=2).err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--calls", "none"], "--calls is a number of calls"),
        (["--hold", "0s"], "--hold is a duration"),
        (["--rate", "fast"], "--rate is a rate"),
        (["--turns", "0"], "--turns is a number above 0"),
        (["--processes", "0"], "--processes is from 1 to 64"),
        (["--until", "p95=1s"], "the delays are connect, ready"),
        (["--until", "p95_first_audio=fast"], "--until: "),
        (["--barge-in", "2"], "--barge-in is a share"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_a_sentence(options: list[str], said: str, command: Command) -> None:
    assert said in command("load", "ws://127.0.0.1:1", *options, code=2).err


def test_files_that_cannot_be_written_are_told_before_any_call(tmp_path: Path, command: Command) -> None:
    shown = command("load", "localhost:1", "--calls", "1", "--json", tmp_path / "none" / "load.json", code=2)
    assert "load.json: No such file or directory" in shown.err
