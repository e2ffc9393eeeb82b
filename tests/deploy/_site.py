"""Two servers with scripted engines and a proxy in front of them, as real processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.repo._tree import ROOT

__all__ = ["DEPLOY", "KEY", "PROXIES", "Server", "Site", "free_port", "nginx_command", "proxy", "site"]

DEPLOY: Final = ROOT / "deploy"
KEY: Final = "sesame"

PROXIES: Final = {"haproxy": "haproxy", "nginx": "nginx-light", "caddy": "caddy"}
"""Programs, and the packages of Debian that have them."""

_START_S: Final = 40
"""Two servers and a proxy are ready in three seconds; on a machine that does much else, ten times that."""

_ENGINES = [f"--{kind}=scripted" for kind in ("detector", "transcriber", "responder", "synthesizer")]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Server:
    """`duologue serve` on a port that stays its own when it is started again."""

    log: Path
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Begin to start it, unless it runs; `wait` returns when it listens."""
        if self._process is not None:
            return
        others = {name: value for name, value in os.environ.items() if not name.startswith("DUOLOGUE_")}
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "duologue", "serve", f"--port={self.port}", *_ENGINES),
                    *("--no-webrtc", "--no-talk", "--log-level=info"),
                ],
                env={**others, "DUOLOGUE_API_KEY": KEY, "PYTHONWARNDEFAULTENCODING": "", **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def wait(self) -> None:
        """Return when it listens."""
        assert self._process is not None
        assert self._process.stdout is not None
        watchdog = threading.Timer(_START_S, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        assert line.startswith("listening on "), self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def terminate(self) -> int:
        """Send SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=_START_S)
        code = self._process.returncode
        self._process = None
        return code

    def open_sessions(self) -> int:
        """As its figures say."""
        page = fetch(f"http://127.0.0.1:{self.port}/metrics")[1]
        return int(float(page.split("\nduologue_sessions_open ")[1].split("\n")[0]))


@dataclass(frozen=True)
class Site:
    """The servers, and where the proxy listens."""

    port: int
    servers: tuple[Server, Server]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1"

    def fetch(self, path: str) -> tuple[int, str]:
        return fetch(f"http://127.0.0.1:{self.port}{path}")


@dataclass(frozen=True)
class _Places:
    """Ports of the proxy and of the servers."""

    proxy: int
    servers: tuple[int, int]


def fetch(url: str) -> tuple[int, str]:
    """Status and body of a GET with the key; status 0 where no connection comes about."""
    try:
        with urlopen(Request(url, headers={"authorization": f"Bearer {KEY}"}), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except URLError as fault:
        return getattr(fault, "code", 0), ""
    except OSError:
        return 0, ""


@contextmanager
def site(folder: Path, environment: Mapping[str, str]) -> Generator[tuple[Server, Server]]:
    """The two servers for the length of a block."""
    servers = Server(folder / "1.log", environment=environment), Server(folder / "2.log", environment=environment)
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.kill()


@contextmanager
def proxy(name: str, folder: Path, servers: tuple[Server, Server]) -> Generator[Site]:
    """The proxy for the length of a block, with the configuration of `deploy` but for the addresses in it."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed: Debian's package {PROXIES[name]}")
    port = free_port()
    command = _COMMANDS[name](program, folder, _Places(port, (servers[0].port, servers[1].port)))
    with ExitStack() as stack:
        log = stack.enter_context((folder / f"{name}.log").open("w+", encoding="utf-8"))
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        stack.callback(_end, process)
        running = Site(port, servers)
        ready = threading.Event()
        for _ in range(_START_S * 10):
            assert process.poll() is None, (folder / f"{name}.log").read_text(encoding="utf-8")
            if running.fetch("/readyz")[0] == 200:
                break
            ready.wait(0.1)
        yield running


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the proxy and its workers: of nginx they would outlive a parent that is killed."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _configured(path: str, places: _Places, listen: str, here: str) -> str:
    """The configuration with addresses of this machine in place of those in it; `listen` is what `here` replaces."""
    text = (DEPLOY / path).read_text(encoding="utf-8")
    for name, port in zip(("server-1:8000", "server-2:8000"), places.servers, strict=True):
        assert name in text
        text = text.replace(name, f"127.0.0.1:{port}")
    assert text.count(listen) == 1
    return text.replace(listen, here)


def _haproxy(program: str, folder: Path, places: _Places) -> list[str]:
    text = _configured("proxies/haproxy.cfg", places, "bind :8000\n", f"bind 127.0.0.1:{places.proxy}\n")
    written = folder / "haproxy.cfg"
    written.write_text(text.replace("bind :8404", f"bind 127.0.0.1:{free_port()}"), encoding="utf-8")
    return [program, "-db", "-f", str(written)]


def _nginx(program: str, folder: Path, places: _Places) -> list[str]:
    text = _configured("proxies/nginx.conf", places, "listen 8000;", f"listen 127.0.0.1:{places.proxy};")
    return nginx_command(program, folder, text)


def nginx_command(program: str, folder: Path, servers: str) -> list[str]:
    """The command that runs nginx with these servers, and with all that it writes in a folder."""
    (folder / "duologue.conf").write_text(servers, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""  # the folder of a test is closed to others
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"{user} worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log stderr;"
        f"events {{}} http {{ access_log off; {paths} include {folder}/duologue.conf; }}",
        encoding="utf-8",
    )
    return [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _caddy(program: str, folder: Path, places: _Places) -> list[str]:
    text = _configured("proxies/Caddyfile", places, "\n:8000 {", f"\nhttp://127.0.0.1:{places.proxy} {{")
    written = folder / "Caddyfile"
    # Its address for administration would be the same for all Caddys of this machine.
    written.write_text(f"{{\n\tadmin off\n}}\n{text}", encoding="utf-8")
    return [program, "run", "--adapter", "caddyfile", "--config", str(written)]


_COMMANDS: Final = {"haproxy": _haproxy, "nginx": _nginx, "caddy": _caddy}
