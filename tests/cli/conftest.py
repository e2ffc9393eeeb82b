"""Servers and sounds for the tests: our server with scripted engines, and fake servers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from duologue.audio.wav import Sound, WavWriter
from duologue.cli import main

SCRIPTED = [f"--{kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]
KEY = "sesame"


@dataclass(frozen=True)
class Place:
    """A server."""

    url: str
    api_key: str

    @property
    def options(self) -> list[str]:
        return ["--url", self.url, "--api-key", self.api_key]


class Shown(NamedTuple):
    """What a command has written."""

    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.lines[-1]["summary"]
        return summary


class Command(Protocol):
    """Runs a command, which must end with this exit code."""

    def __call__(self, *arguments: str | Path, code: int = 0) -> Shown: ...


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str | Path, code: int = 0) -> Shown:
        assert main([*map(str, arguments)]) == code
        out, err = capsys.readouterr()
        return Shown(out, err)

    return run


@contextmanager
def started(command: Sequence[str], **options: Any) -> Generator[subprocess.Popen[Any], None, None]:
    """A process for the length of a block; killed at its end if it still runs."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def running(
    *arguments: str, stdin: int | None = None, stderr: int | None = subprocess.PIPE, **environment: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """The command in a child process."""
    command, env = [sys.executable, "-m", "duologue", *arguments], {**os.environ, **environment}
    return started(command, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8")


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[Place]:
    """Our server in a child process, with scripted engines."""
    with serving("--api-key", KEY, *SCRIPTED) as url:
        yield Place(url, KEY)


@contextmanager
def serving(*arguments: str, **environment: str) -> Generator[str, None, None]:
    """A server in a child process, which ends with the block; its URL."""
    command = ["serve", "--port", "0", "--until-eof", *arguments]
    with running(*command, stdin=subprocess.PIPE, stderr=None, **environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.stdin.close()
            process.wait(10)


Handle = Callable[[ServerConnection], None]


@contextmanager
def server_of(handle: Handle) -> Generator[str, None, None]:
    """A WebSocket server with this handler; its URL."""
    with serve_websockets(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield "ws://{}:{}".format(*server.socket.getsockname()[:2])
        finally:
            server.shutdown()
            thread.join(5)


def tone(duration_ms: int = 400, *, rate_hz: int = 24_000, amplitude: int = 12_000) -> Sound:
    """A tone, which scripted engines detect as speech."""
    count = rate_hz * duration_ms // 1000
    samples = array("h", (round(amplitude * math.sin(n * 2 * math.pi * 300 / rate_hz)) for n in range(count)))
    return Sound(samples.tobytes(), rate_hz)


def write_wav(path: Path, sound: Sound) -> Path:
    with WavWriter(path, rate_hz=sound.rate_hz) as wav:
        wav.write(sound.pcm16)
    return path


def write_lines(path: Path, *lines: str | dict[str, Any]) -> Path:
    """A file of these frames, one on each line."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join([*texts, ""]), encoding="utf-8")
    return path


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A WAV file of 400 ms that scripted engines detect as speech."""
    return write_wav(tmp_path / "speech.wav", tone())
