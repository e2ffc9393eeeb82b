"""`duologue serve`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import duologue
from duologue.cli import main
from tests.cli.conftest import SCRIPTED, Place

COMMAND = [sys.executable, "-m", "duologue", "serve", *SCRIPTED]


async def test_it_says_on_one_line_where_it_listens(scripted_server: Place) -> None:
    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*/v1/realtime", scripted_server.url)
    async with duologue.connect(scripted_server.url, api_key=scripted_server.api_key) as connection:
        assert (await connection.receive(timeout_s=5)).type == "session.created"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_traceback(number: signal.Signals, code: int) -> None:
    environment = {**os.environ, "DUOLOGUE_API_KEY": "k"}
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening on ")
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (code, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "99999"], "ports end at 65535"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["--responder=nobody"], "nobody: no responder has this name; known: "),
        (["--llm-file", "nowhere.gguf"], "nowhere.gguf"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--llm-file" in arguments:
        pytest.importorskip("xllamacpp")
    others = [option for option in SCRIPTED if not option.startswith("--responder") or "--host" in arguments]
    port = [] if "--port" in arguments else ["--port", "0"]
    assert main(["serve", *port, *others, *arguments]) == 1
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", *SCRIPTED, "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err
