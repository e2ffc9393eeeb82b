"""Listings of README and docs run as they stand there: programs, commands, fragments with what their page presumes."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

import duologue
import duologue.sound
from duologue import blocking, events, notices
from duologue.audio.wav import WavWriter
from duologue.cli.app import command
from duologue.engines.registry import Kind, load_default
from duologue.recording import RecordingWriter
from duologue.server import RealtimeApp
from duologue.sound import WavSink, WavSource
from tests.server._listening import listening

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/howto/*.md"))]
EXAMPLES = "\0".join(path.read_text(encoding="utf-8") for path in ROOT.glob("examples/*.py"))
SCRIPTED: dict[Kind, str] = {"detector": "scripted", "transcriber": "scripted", "synthesizer": "scripted"}

LIVE_PAGES = ("docs/live.md", "docs/protocols.md")
"""Their fragments presume a Live session, `live`."""

SERVERS = re.compile(r"wss?://(127\.0\.0\.1:8000|api\.openai\.com/v1/realtime|api\.x\.ai|voice\.example)\b")
"""Addresses on the pages, in whose place a server of the tests answers."""

NOT_RUN = {
    "docs/conformance.md: from duologue.conformance": "a server of the reader's; tests/conformance/test_runner.py",
    "docs/howto/barge-in.md: async with conversation.stream": "a player of the reader's",
    "docs/howto/connect.md: import ssl": "certificates of the reader's; tests/transports/test_handshakes.py",
    "docs/howto/connect.md: from duologue.client import client_secret": "tests/client/test_client_secrets.py",
    'docs/howto/connect.md: async with duologue.converse("https': "sound devices; tests/client/test_calls_over_udp.py",
    'docs/howto/connect.md: async with duologue.converse("wss': "a call; tests/client/test_calls_to_our_server.py",
    "docs/howto/engines.md: from duologue.testing import check_responder": "tests/engines/test_howto.py",
    "docs/howto/sync.md: with blocking.connect": "until the session is over; tests/client/blocking/test_connection.py",
    "docs/howto/sync.md: from duologue.notices": "until ten seconds are silent; tests/client/blocking/test_streams.py",
    "docs/howto/sync.md: with conversation.play": "needs a microphone and a loudspeaker",
    "docs/howto/asterisk.md: async def answer": "calls of an Asterisk; tests/telephony/tcp",
    "docs/howto/telephone.md: control =": "a carrier's calls; tests/examples/test_phone_examples.py",
    "docs/howto/telephone.md: from starlette": "a carrier's calls; tests/telephony/test_joining.py",
    "docs/howto/telephone.md: g711 =": "a carrier's calls; tests/telephony/test_live_leg.py",
    "docs/howto/tools.md: docs = McpServerTool": "an MCP server of the reader's; tests/server/session/test_mcp.py",
    "README.md: import uvicorn": "serves for ever; test_examples.py",
}
"""Listings that are not run here, by page and beginning: why, or where they are."""

ENDLESS = ("async for event in connection", "async for notice in notices")
"""Listings with such a loop go on until their session is over, which the test ends."""


class Listing(NamedTuple):
    page: str
    line: int
    text: str

    @property
    def key(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0]}"

    @property
    def reason(self) -> str | None:
        return next((reason for key, reason in NOT_RUN.items() if self.key.startswith(key)), None)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def listings(*languages: str) -> Iterator[Listing]:
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
            if found[1] in languages:
                line = page.count("\n", 0, found.start()) + 1
                yield Listing(path.relative_to(ROOT).as_posix(), line, found[2])


PYTHON = [listing for listing in listings("python") if listing.text not in EXAMPLES and listing.reason is None]
PROGRAMS = [listing for listing in PYTHON if "asyncio.run(" in listing.text]
FRAGMENTS = [listing for listing in PYTHON if "asyncio.run(" not in listing.text]


@pytest_asyncio.fixture
async def url() -> AsyncGenerator[str, None]:
    async with listening(RealtimeApp(engines=partial(load_default, names=SCRIPTED))) as served:
        yield served.removesuffix("/v1/realtime")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a page has the log show ends with its test."""
    loggers = [logging.getLogger(name) for name in ("", "duologue", "duologue.client", "duologue.wire")]
    before = [(logger, logger.level, logger.handlers.copy()) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_every_reason_is_that_of_a_listing() -> None:
    keys = [listing.key for listing in listings("python")]
    assert [key for key in NOT_RUN if not any(each.startswith(key) for each in keys)] == []


@pytest.mark.parametrize("listing", PROGRAMS, ids=str)
async def test_a_program_of_a_page_runs(listing: Listing, url: str, tmp_path: Path) -> None:
    files_of_the_reader(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVERS.sub(url, listing.text), url),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    async with asyncio.timeout(30):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert out.strip()


@pytest.mark.parametrize("listing", FRAGMENTS, ids=str)
async def test_a_fragment_of_a_page_runs_with_what_its_page_presumes(
    listing: Listing, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files_of_the_reader(tmp_path)
    monkeypatch.setattr(duologue.sound, "Microphone", lambda: WavSource("question.wav"))
    monkeypatch.setattr(duologue.sound, "Loudspeaker", lambda: WavSink("heard.wav"))
    text = listing.text if listing.page == "docs/dialects.md" else SERVERS.sub(url, listing.text)
    code = compile(text, listing.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    is_sync = listing.page.endswith("sync.md") or not code.co_flags & inspect.CO_COROUTINE
    names: dict[str, Any] = {"duologue": duologue, "asyncio": asyncio, "blocking": blocking, "url": url, "key": None}
    names |= {name: getattr(events, name) for name in events.__all__} | vars(notices)
    names |= {"logging": logging, "config": events.RealtimeSessionConfig(output_modalities=["text"])}
    names |= {"event": events.ResponseCreateEvent(), "__name__": __name__}
    names |= {"AGENT": names["config"], "local_time": local_time}
    names |= {"Loudspeaker": duologue.sound.Loudspeaker, "Microphone": duologue.sound.Microphone}
    names |= {"question": "What is two plus two?", "RequestRejected": duologue.RequestRejected}
    limit = asyncio.timeout(1 if any(loop in text for loop in ENDLESS) else 30)
    if listing.page in LIVE_PAGES:
        await _run_with_live(code, names, url)
        return
    if is_sync:
        await _run_in_thread(code, names, url)
        return
    async with duologue.converse(url) as conversation:
        names["conversation"] = conversation
        with contextlib.suppress(TimeoutError):
            async with limit:
                await eval(code, names)
    assert not limit.expired() or any(loop in text for loop in ENDLESS)


def local_time() -> str:
    """The time of day."""
    return "noon"


def files_of_the_reader(folder: Path) -> None:
    """The files that the pages name. The question can be heard: it is a second of noise."""
    with WavWriter(folder / "question.wav", rate_hz=24_000) as writer:
        writer.write(b"\0\x20\0\xe0" * 12_000)
    frame = json.dumps({"type": "response.create"})
    messages = [{"type": "send", "time": 0.0, "opcode": 1, "data": frame}]
    entry = {"request": {"url": "wss://voice.example/v1/realtime"}, "_webSocketMessages": messages}
    (folder / "app.har").write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    with RecordingWriter(folder / "session.jsonl", side="client") as recording:
        session = {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "m"}
        recording.write("received", json.dumps({"type": "session.created", "event_id": "e", "session": session}))


async def _run_with_live(code: Any, names: dict[str, Any], url: str) -> None:
    options = duologue.LiveOptions(fill_silence=True)
    async with (
        asyncio.timeout(30),
        duologue.live(url, model="gpt-live-1", session={"store": True}, options=options) as names["live"],
    ):
        if "blocking" in code.co_names:
            await asyncio.to_thread(exec, code, names)
        elif (running := eval(code, names)) is not None:
            await running


async def _run_in_thread(code: Any, names: dict[str, Any], url: str) -> None:
    def run() -> None:
        with blocking.converse(url) as conversation:
            exec(code, {**names, "conversation": conversation})

    async with asyncio.timeout(30):
        await asyncio.to_thread(run)


def command_lines() -> list[str]:
    """Lines of the pages that call the command, without what stands around it."""
    lines = [line for listing in listings("sh", "console") for line in listing.text.replace("\\\n", " ").splitlines()]
    found = [re.search(r"\bduologue (?!\[)[a-z][^#|&]*", line) for line in lines if "pip install" not in line]
    return sorted({match[0].strip() for match in found if match is not None})


@pytest.mark.parametrize("line", command_lines(), ids=str)
def test_a_command_of_a_page_has_the_options_that_it_shows(line: str) -> None:
    tokens = ["standard-input" if token == "-" else token for token in shlex.split(line)[1:]]
    command().parse_args(tokens, exit_on_error=False, print_error=False)
