"""`duologue serve`."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

import duologue
from duologue.cli.commands.serve import _warn_of_no_key
from duologue.cli.serving.option_sources import NEVER_ARGUMENTS, variable_of
from duologue.cli.serving.options import ServeOptions
from duologue.recording import RecordingReader
from tests.cli.conftest import SCRIPTED, Command, Place, running
from tests.repo._tree import ROOT
from tests.server.inspector._looking import ask
from tests.server.run.test_tls import write_certificate


@contextmanager
def serving(
    *arguments: str, key: str = "k", engines: Sequence[str] = SCRIPTED
) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """The command in a child process, and its URL."""
    with running("serve", *engines, "--port", "0", *arguments, DUOLOGUE_API_KEY=key) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().removeprefix("listening on ").strip()


async def test_it_says_on_one_line_where_it_listens(scripted_server: Place) -> None:
    assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*/v1/realtime", scripted_server.url)
    async with duologue.connect(scripted_server.url, api_key=scripted_server.api_key) as connection:
        assert (await connection.receive(timeout=5)).type == "session.created"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_without_a_traceback_and_sigterm_is_its_regular_end(number: signal.Signals, code: int) -> None:
    with serving() as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, "")
    assert "Traceback" not in out


def test_it_says_where_calls_are_made() -> None:
    with serving("--udp-ports", "40000-40100") as (process, url):
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert line == f"calls over WebRTC are made at {url.replace('ws:', 'http:')}/calls\n"


async def test_each_session_is_recorded_to_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    with serving("--record", str(folder)) as (process, url):
        for _ in range(2):
            async with duologue.connect(url, api_key="k") as connection:
                assert (await connection.receive(timeout=5)).type == "session.created"
        process.terminate()
        assert ended(process) == (0, "")
    first, second = sorted(folder.glob("*-sess_*.jsonl"))
    for path in (first, second):
        with RecordingReader(path) as recording:
            assert re.fullmatch("key [0-9a-f]{8}", recording.header.subject or "")
            assert json.loads(next(recording).message)["type"] == "session.created"


async def test_the_inspector_s_address_is_on_a_line_of_its_own_and_in_no_log() -> None:
    with serving("--inspect", "--no-webrtc", "--log-level", "debug") as (process, url):
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("calls are seen at ").strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/[\w-]{32}/", address)
        async with duologue.connect(url, api_key="k") as connection:
            assert (await connection.receive(timeout=5)).type == "session.created"
            assert "sess_" in (await ask(address)).text
        process.terminate()
        code, err = ended(process)
    assert code == 0
    assert address.split("/")[3] not in err


def test_it_says_where_people_talk_to_it_unless_they_shall_not() -> None:
    with serving("--no-webrtc") as (process, url):
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("talk to it at ").strip()
        assert address == re.sub(r"^ws(.*)/v1/realtime$", r"http\1/talk", url)
        assert "Start talking" in httpx.get(address).text
    with serving("--no-webrtc", "--no-talk") as (process, _):
        assert process.stdout is not None
        process.terminate()
        assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--record-limit", "1GB"), "--record-limit belongs to --record FOLDER"),
        (("--record", "{folder}", "--record-limit", "much"), "--record-limit much: write a size such as 500MB or 10GB"),
        (("--record", "/dev/null"), "--record: cannot record into /dev/null"),
        (
            ("--no-webrtc", "--udp-ports", "1-2"),
            "--no-webrtc excludes --udp-ports, --public-address and",
        ),
        (("--udp-ports", "9"), "--udp-ports is the first and the last port, such as 40000-40100, not 9"),
        (("--inspect-port", "9000"), "--inspect-port and --inspect-keep belong to --inspect"),
        (("--inspect-keep", "9"), "--inspect-port and --inspect-keep belong to --inspect"),
        (("--inspect", "--inspect-keep", "0"), "--inspect-keep: an inspector keeps at least one session"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(
    tmp_path: Path, arguments: Sequence[str], reason: str, command: Command
) -> None:
    shown = command("serve", *(each.format(folder=tmp_path) for each in arguments), code=2)
    assert reason in shown.err


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "10.0.0.1"}, True),
        ({"host": "127.0.0.1"}, False),
        ({"host": "::1"}, False),
        ({"host": "localhost"}, False),
        ({"host": "0.0.0.0", "api_key": ("k",)}, False),
        ({"host": "0.0.0.0", "key_file": Path("keys.toml")}, False),
    ],
)
def test_a_server_that_other_machines_reach_without_a_key_is_warned_about(
    options: dict[str, Any], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    _warn_of_no_key(ServeOptions(**options))
    assert ("no key is asked for" in caplog.text) is warned


async def test_callers_of_a_key_file_are_served_and_named(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text("[alice]\nkey = 'a-key'\n", encoding="utf-8")
    with serving("--key-file", str(keys), "--log-level", "info", key="") as (process, url):
        async with duologue.connect(url, api_key="a-key") as connection:
            assert (await connection.receive(timeout=5)).type == "session.created"
        async with duologue.connect(url, api_key="other") as connection:
            assert (await connection.receive(timeout=5)).type == "error"
        process.terminate()
        code, err = ended(process)
    assert code == 0
    assert "owner=alice" in err
    assert "a-key" not in err


def test_a_key_file_that_is_none_is_refused_in_words(tmp_path: Path, command: Command) -> None:
    keys = tmp_path / "keys.toml"
    assert "--key-file: cannot read" in command("serve", "--key-file", str(keys), code=2).err
    keys.write_text("[alice]\n", encoding="utf-8")
    assert "alice: there is neither key nor sha256" in command("serve", "--key-file", str(keys), code=2).err


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and standard error."""
    _, err = process.communicate(timeout=15)
    return process.returncode, err


@asynccontextmanager
async def thoughtful_model() -> AsyncGenerator[str, None]:
    """A chat endpoint that never answers; its URL."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client has gone: from Python 3.12 on, a server waits for its connections
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_says_goodbye_to_the_sessions_and_a_second_one_does_not_wait(number: signal.Signals) -> None:
    engines = [option for option in SCRIPTED if "responder" not in option]
    async with thoughtful_model() as llm:
        with serving(*engines, "--llm", llm, "--llm-model", "m", "--limit", "drain_s=60", engines=()) as (process, url):
            async with websockets_connect(f"{url}?api_key=k") as idle, websockets_connect(f"{url}?api_key=k") as busy:
                await busy.send('{"type":"response.create"}')
                while "response.created" not in str(await busy.recv()):
                    pass
                process.send_signal(number)
                assert await close_code(idle) == 1001
                assert process.poll() is None, "an answer is still to come"
                process.send_signal(number)
                assert await close_code(busy) == 1001
            code, err = await asyncio.to_thread(ended, process)
    # The model has not answered whether it is there either.
    lines = [line for line in err.splitlines() if "engine not reachable" not in line]
    assert (code, lines) == (128 + number, [])


async def close_code(socket: ClientConnection) -> int | None:
    """The close code, after all messages before it."""
    async with asyncio.timeout(10):
        async for _ in socket:
            pass
    return socket.close_code


async def test_the_log_is_one_json_object_a_line_and_holds_no_key_and_no_words() -> None:
    with serving("--log-level", "debug", "--log-format", "json", key="sesame-1,sesame-2") as (process, url):
        for query in ("?api_key=sesame-1", "?api-key=sesame-2", "?api_key=sesame-3"):
            async with websockets_connect(url + query) as socket:
                if "session.created" not in str(await socket.recv()):
                    continue
                await socket.send('{"type":"session.update","session":{"type":"realtime","instructions":"sesame"}}')
        process.terminate()
        code, err = await asyncio.to_thread(ended, process)
    assert code == 0
    assert "sesame" not in err
    lines = [json.loads(line) for line in err.splitlines()]
    assert all({"time", "level", "logger", "event"} <= line.keys() for line in lines)
    events = [line["event"] for line in lines if line["logger"] == "duologue.server"]
    assert events.count("session opened") == 2
    assert events.count("client turned away") == 1
    assert all(line["session"].startswith("sess_") for line in lines if line["event"] == "session opened")


async def test_with_a_certificate_it_serves_wss(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(cert))
    with serving("--tls-cert", str(cert), "--tls-key", str(key)) as (_, url):
        assert url.startswith("wss://127.0.0.1:")
        async with duologue.connect(url, api_key="k", ssl=trusting) as connection:
            assert (await connection.receive(timeout=5)).type == "session.created"


async def test_models_limits_and_origins_are_settings() -> None:
    with serving("--model=a", "--model=b", "--limit=sessions=1", "--allow-origin=https://app.example") as (_, url):
        async with duologue.connect(url, model="b", api_key="k") as connection:
            assert (await connection.receive(timeout=5)).type == "session.created"
            for query, code in (("model=a", "server_overloaded"), ("model=c", "server_overloaded")):
                async with websockets_connect(f"{url}?{query}&api_key=k") as socket:
                    assert code in str(await socket.recv())
        answer = "server_overloaded"
        async with asyncio.timeout(5):
            while "server_overloaded" in answer:  # the session ends a moment after its client has closed
                async with websockets_connect(f"{url}?model=c&api_key=k") as socket:
                    answer = str(await socket.recv())
        assert "invalid_model" in answer
        with pytest.raises(InvalidStatus, match="403"):
            await websockets_connect(f"{url}?model=a&api_key=k", origin=Origin("http://localhost"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mcp", "host/mcp"], "--mcp 'host/mcp' is no address of an MCP server: it looks like https://host/path"),
        (["--limit", "calls=1"], "there is no limit 'calls'; known: frame_bytes, "),
        (["--limit", "session=1"], "there is no limit 'session'; did you mean sessions? known: frame_bytes, "),
        (["--limit", "sessions=none"], "limits are given as NAME=NUMBER"),
        (["--tls-key", "x"], "--tls-key belongs to --tls-cert"),
    ],
)
def test_an_invalid_command_line_is_one_sentence(arguments: list[str], sentence: str, command: Command) -> None:
    shown = command("serve", *SCRIPTED, "--port", "0", *arguments, code=2)
    assert sentence in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tls-cert", "."], "cannot read .: Is a directory"),
        (["--port", "99999"], "ports end at 65535"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["--responder=missing"], "missing: no responder has this name; known: "),
        (["--llm-file", __file__], "test_serve.py"),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence(arguments: list[str], sentence: str, command: Command) -> None:
    if "--llm-file" in arguments:
        pytest.importorskip("xllamacpp")
    others = [option for option in SCRIPTED if not option.startswith("--responder") or "--host" in arguments]
    port = [] if "--port" in arguments else ["--port", "0"]
    shown = command("serve", *port, *others, *arguments, code=1)
    assert sentence in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


def test_a_port_that_is_taken_is_named(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = command("serve", *SCRIPTED, "--port", str(port), code=1)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in shown.err


def test_every_option_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    names = [field.name for field in fields(ServeOptions)]
    unnamed = {name for name in names if f"`--{name.replace('_', '-')}`" not in page}
    assert unnamed == NEVER_ARGUMENTS
    assert all(f"`{variable_of(name)}`" in page for name in names)
