"""Our server in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

import duologue
from duologue.cli.local_server import local_server
from duologue.errors import ConnectFailed, ConnectionClosed, DuologueError
from tests.cli.conftest import SCRIPTED


async def test_it_serves_for_the_length_of_the_block_and_only_with_its_key() -> None:
    async with local_server(SCRIPTED) as server:
        async with duologue.connect(server.url, api_key=server.api_key) as connection:
            assert (await connection.receive(timeout=5)).type == "session.created"
        async with duologue.connect(server.url) as connection:
            assert (await connection.receive(timeout=5)).type == "error"
            with pytest.raises(ConnectionClosed, match="3000"):
                await connection.receive(timeout=5)
    with pytest.raises(ConnectFailed):
        async with duologue.connect(server.url):
            pass


async def test_it_ends_when_the_block_fails() -> None:
    urls: list[str] = []
    with suppress(LookupError):
        async with local_server(SCRIPTED) as server:
            urls.append(server.url)
            raise LookupError
    with pytest.raises(ConnectFailed):
        async with duologue.connect(urls[0]):
            pass


async def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(DuologueError, match=r"did not start: .*no responder has this name"):
        async with local_server([*SCRIPTED[:2], "--responder=missing", SCRIPTED[3]]):
            pass


async def test_a_server_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(DuologueError, match=r"did not start within 0\.01 s"):
        async with local_server(SCRIPTED, start_s=0.01):
            pass


def test_it_ends_when_its_parent_dies_without_a_word() -> None:
    source = (
        f"SCRIPTED = {SCRIPTED}"
        + """
import asyncio, os
from duologue.cli.local_server import local_server
async def main():
    async with local_server(SCRIPTED) as server:
        print(server.url, flush=True)
        os._exit(9)
asyncio.run(main())
"""
    )
    ran = subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, timeout=20, check=False)
    assert ran.returncode == 9
    port = int(ran.stdout.decode().rpartition(":")[2].partition("/")[0])
    ends = time.monotonic() + 5
    while _listens(port):
        assert time.monotonic() < ends, "the server outlived its parent"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
