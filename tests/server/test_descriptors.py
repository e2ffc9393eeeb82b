"""The table of descriptors is a process's own: what fills it is tried in one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack

import pytest

from duologue.server.descriptors import descriptors_left
from tests.cli.conftest import SCRIPTED, started
from tests.server._raw_connections import GET, handshake, raw_connection
from tests.server.test_app import get

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="has no such limit"),
    pytest.mark.timeout(60),
]

_LIMITED = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "


def in_python(code: str, *, soft: int, hard: int) -> str:
    script = _LIMITED.format(soft=soft, hard=hard) + code
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True, timeout=20
    ).stdout.strip()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    code = (
        "from duologue.server.descriptors import raise_descriptor_limit; raise_descriptor_limit(); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    assert in_python(code, soft=100, hard=300) == "(300, 300)"


def test_each_descriptor_that_is_taken_is_one_less() -> None:
    before = descriptors_left()
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    try:
        assert descriptors_left() <= before - 3
    finally:
        for each in taken:
            os.close(each)
    assert descriptors_left() == before


def test_a_full_table_has_none_left() -> None:
    code = (
        "import os\nfrom duologue.server.descriptors import *\n"
        "try:\n    while True: os.open(os.devnull, os.O_RDONLY)\nexcept OSError: print(descriptors_left())"
    )
    assert in_python(code, soft=100, hard=100) == "0"


async def test_a_server_whose_descriptors_are_wanted_by_others_still_answers_pages() -> None:
    """Half requests and sessions, more of each than the process may have descriptors."""
    serve = f"from duologue.cli import main; sys.exit(main({['serve', *SCRIPTED, '--port', '0']!r}))"
    command = [sys.executable, "-c", _LIMITED.format(soft=256, hard=256) + serve]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        async with AsyncExitStack() as stack, asyncio.timeout(40):
            lines = [await stack.enter_async_context(raw_connection(url)) for _ in range(400)]
            for each in lines:
                each.writer.write(GET)
            assert (await get(url, "/healthz"))[0] == 200
            assert await lines[0].has_ended(within_s=5)
            answers: list[bytes] = []
            for _ in range(250):
                caller = await stack.enter_async_context(raw_connection(url))
                caller.writer.write(handshake())
                await caller.read_until(b'"type":"')
                answers.append(await caller.read_until(b'"'))
            assert answers[:100] == [b'session.created"'] * 100
            assert b'error"' in answers, "some descriptors are kept for pages"
            assert (await get(url, "/healthz"))[0] == 200
        process.terminate()
        _, log = process.communicate(timeout=15)
    assert log.count("reason=connections") == 1
    assert "out of system resource" not in log
