"""`duologue chaos`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from duologue import blocking
from duologue.errors import ConnectFailed, RequestRejected
from duologue.recording import NoteLine, RecordingReader
from tests.cli.conftest import Command, Place, running


@contextmanager
def breaking(*arguments: str) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """The command in a child process, and its URL."""
    with running("chaos", *arguments) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().removeprefix("listening on ").strip()


def ask(url: str, api_key: str, *questions: str) -> None:
    with blocking.converse(url, api_key=api_key) as conversation:
        for question in questions:
            conversation.restored(timeout=5)
            with suppress(RequestRejected):
                conversation.ask(question)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_each_fault_is_a_line_and_the_same_for_the_same_seed(scripted_server: Place, tmp_path: Path) -> None:
    told: list[str] = []
    file = tmp_path / "call.jsonl"
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nname = "duplicate"\np = 0.1\n', encoding="utf-8")
    for number in range(2):
        record = ("--record", str(file)) if number else ()
        with breaking(
            *("--to", scripted_server.url, "--seed", "7", "--faults", str(faults), *record),
            *("--fault", "close code=1012 on=response.created", "--fault", "unknown on=session.created times=all"),
        ) as (process, url):
            ask(url, scripted_server.api_key, "One?", "Two?")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (130, "")
        told.append(out)
    assert told[0] == told[1]
    lines = told[0].splitlines()
    assert "connection 1: close code=1012 on=response.created at response.created 1" in lines
    assert "connection 2: unknown on=session.created times=all at session.created 1" in lines
    with RecordingReader(file) as recording:
        assert recording.header.side == "client"
        notes = [line for line in recording.lines() if isinstance(line, NoteLine)]
    assert len(notes) == len(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_server_that_cannot_be_reached_is_told_and_sigterm_is_the_regular_end() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with breaking("--to", place) as (process, url):
            with pytest.raises(ConnectFailed):
                ask(url, "sk-secret", "One?")
            process.terminate()
            out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert err.startswith(f"duologue: cannot reach ws://{place}/")
    assert "sk-secret" not in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--to", "ftp://example.com"), "--to ftp://example.com: a session's URL begins with wss://"),
        (("--to", "localhost:1", "--fault", "half_opened"), "--fault 'half_opened': there is no fault"),
        (("--to", "localhost:1", "--fault", "drop when=3"), "there is no 'when'; possible are on, after"),
        (("--to", "localhost:1", "--faults", "{folder}/nothing.toml"), "there is no file"),
        (("--to", "localhost:1", "--faults", "{folder}/wrong.toml"), "wrong.toml: fault 1 has no name"),
        (("--to", "localhost:1", "--faults", "{folder}/latin.toml"), "latin.toml: "),
        (("--to", "localhost:1", "--listen", "9000"), "--listen 9000 is not HOST:PORT"),
        (("--to", "localhost:1", "--listen", "localhost:99999"), "is not HOST:PORT"),
    ],
)
def test_a_command_line_that_cannot_be_right_is_told(
    arguments: tuple[str, ...], says: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "wrong.toml").write_text("[[fault]]\np = 1\n", encoding="utf-8")
    (tmp_path / "latin.toml").write_bytes(b'[[fault]]\nname = "\xe4"\n')
    shown = command("chaos", *(each.format(folder=tmp_path) for each in arguments), code=2)
    assert says in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_recording_that_exists_is_kept(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "call.jsonl"
    file.touch()
    assert "or add --force" in command("chaos", "--to", "localhost:1", "--record", file, code=2).err


def test_a_port_that_is_taken_is_told(scripted_server: Place, command: Command) -> None:
    place = scripted_server.url.removeprefix("ws://").partition("/")[0]
    shown = command("chaos", "--to", "localhost:1", "--listen", place, code=1)
    assert f"cannot listen on {place}: " in shown.err
    assert "address already in use" in shown.err
