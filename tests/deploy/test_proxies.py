"""HAProxy, nginx and Caddy with the configurations of `deploy`, in front of two servers."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue import Conversation, connect, converse
from duologue.errors import NotConnected, RequestRejected
from tests._certificates import Authority
from tests.deploy._site import DEPLOY, KEY, PROXIES, Server, Site, free_port, nginx_command, proxy, site
from tests.repo._tree import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these proxies are for Unix")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Server, Server]]:
    with site(tmp_path_factory.mktemp("servers"), {}) as running:
        yield running


@pytest.fixture(params=list(PROXIES))
def place(request: pytest.FixtureRequest, tmp_path: Path, servers: tuple[Server, Server]) -> Generator[Site]:
    for server in servers:
        server.start()
    with proxy(request.param, tmp_path, servers) as running:
        yield running


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.05)


async def test_sessions_are_spread_and_those_of_a_killed_server_go_on_in_the_other(place: Site) -> None:
    async with AsyncExitStack() as stack:
        calls: list[Conversation] = []
        for _ in range(6):  # one after the other: a proxy knows how many a server has when they have come
            calls.append(await stack.enter_async_context(converse(place.url, api_key=KEY)))
            await calls[-1].ask("My name is Ann.")
        first, second = place.servers
        assert [server.open_sessions() for server in place.servers] == [3, 3]

        first.kill()
        answers = await asyncio.gather(*(_asked_again(call) for call in calls))
        assert len(answers) == 6
        assert second.open_sessions() == 6
        assert all("Ann" in str(call.items) for call in calls)

        first.start()
        first.wait()
        await eventually(lambda: place.fetch("/readyz")[0] == 200)


async def _asked_again(call: Conversation) -> str:
    """The answer to a question of a client whose connection may have been lost."""
    async with asyncio.timeout(15):
        while True:
            try:
                return str(await call.ask("And now?"))
            except (NotConnected, RequestRejected):
                await call.restored(timeout=10)


async def test_what_a_client_says_of_its_address_is_dropped_and_figures_stay_inside(place: Site) -> None:
    marks = [len(server.log.read_text(encoding="utf-8")) for server in place.servers]
    claimed = {"x-forwarded-for": "203.0.113.9", "x-real-ip": "203.0.113.9"}
    async with connect(place.url, api_key="a wrong one", headers=claimed) as refused:
        assert "invalid_api_key" in str(await refused.receive())

    def log() -> str:
        pairs = zip(place.servers, marks, strict=True)
        return "".join(server.log.read_text(encoding="utf-8")[mark:] for server, mark in pairs)

    await eventually(lambda: "turned away" in log())
    assert re.search(r"turned away.* address=127\.0\.0\.1\b", log())
    assert "203.0.113.9" not in log()
    assert [place.fetch(path)[0] for path in ("/metrics", "/v1/admin/drain", "/healthz")] == [404, 404, 200]


async def test_headers_of_a_proxy_that_is_not_named_are_not_believed(tmp_path: Path) -> None:
    server = Server(tmp_path / "log", environment={"FORWARDED_ALLOW_IPS": "10.77.0.10"})
    try:
        server.start()
        await asyncio.to_thread(server.wait)
        async with connect(server.url, api_key="a wrong one", headers={"x-forwarded-for": "203.0.113.9"}) as refused:
            await refused.receive()
        await eventually(lambda: "turned away" in server.log.read_text(encoding="utf-8"))
        assert "203.0.113.9" not in server.log.read_text(encoding="utf-8")
    finally:
        server.kill()


def test_no_proxy_ends_a_session_before_the_server_does() -> None:
    texts = [(DEPLOY / name).read_text(encoding="utf-8") for name in ("proxies/haproxy.cfg", "proxies/nginx.conf")]
    limits = re.findall(r"(?:timeout tunnel|proxy_read_timeout|proxy_send_timeout) +(\d+)m", "\n".join(texts))
    assert len(limits) == 3
    assert all(int(minutes) > 60 for minutes in limits), "a session lasts an hour"


async def test_nginx_of_the_page_ends_tls_and_passes_a_turn_on(tmp_path: Path, servers: tuple[Server, Server]) -> None:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"nginx is not installed: Debian's package {PROXIES['nginx']}")
    servers[0].start()
    authority, port = Authority(tmp_path), free_port()
    authority.server_context("127.0.0.1")
    command = nginx_command(program, tmp_path, _nginx_of_the_page(tmp_path, port, servers[0].port))
    nginx = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await eventually(lambda: _listens(port))
        async with converse(f"wss://127.0.0.1:{port}", api_key=KEY, ssl=authority.client_context) as call:
            assert (await call.ask("My name is Ann.")).status == "completed"
    finally:
        nginx.terminate()
        await nginx.wait()


def _nginx_of_the_page(folder: Path, port: int, server_port: int) -> str:
    (certificate,) = folder.glob("server-*.pem")
    page = (ROOT / "docs" / "howto" / "more-than-one-machine.md").read_text(encoding="utf-8")
    text = page.split("```nginx\n")[1].split("```")[0]
    for there, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/nginx/voice.crt", str(certificate)),
        ("/etc/nginx/voice.key", str(certificate)),
        ("127.0.0.1:8000;", f"127.0.0.1:{server_port};"),
    ):
        assert text.count(there) == 1
        text = text.replace(there, here)
    return text


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


async def test_a_server_that_ends_loses_no_caller(tmp_path: Path, servers: tuple[Server, Server]) -> None:
    for server in servers:
        server.start()
    with proxy("haproxy", tmp_path, servers) as place:
        async with AsyncExitStack() as stack:
            calls = [await stack.enter_async_context(converse(place.url, api_key=KEY)) for _ in range(4)]
            for call in calls:
                await call.ask("My name is Ann.")
            assert [server.open_sessions() for server in servers] == [2, 2]
            assert await asyncio.to_thread(servers[0].terminate) == 0
            for call in calls:
                assert await _asked_again(call)
            assert servers[1].open_sessions() == 4
