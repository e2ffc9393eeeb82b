"""Every example, and the listings of the README, run as a user would run them: against a server of ours."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from duologue.engines.registry import Kind, load_default
from duologue.server import RealtimeApp
from tests.server._listening import listening

ROOT = Path(__file__).parent.parent.parent
SCRIPTED: dict[Kind, str] = {"detector": "scripted", "transcriber": "scripted", "synthesizer": "scripted"}


@pytest_asyncio.fixture
async def url() -> AsyncGenerator[str, None]:
    """A server whose answers come from the embedded responder; hearing and speaking are scripted."""
    async with listening(RealtimeApp(engines=partial(load_default, names=SCRIPTED))) as served:
        yield served


async def run(*command: str) -> str:
    """Standard output of a Python command that must succeed within 20 seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def test_a_first_conversation_prints_the_answer(url: str) -> None:
    assert await run(str(ROOT / "examples" / "first_conversation.py"), url) == "7 times 8 is 56.\n"


async def test_a_script_without_an_event_loop_asks_twice_and_ends_by_itself(url: str) -> None:
    lines = (await run(str(ROOT / "examples" / "sync_script.py"), url)).splitlines()
    assert lines[:2] == ["7 times 8 is 56.", "9 minus 4 is 5."]
    assert lines[2].startswith("4 items, ")


async def test_the_server_example_is_an_application() -> None:
    assert await run("-c", f"import runpy; print(runpy.run_path({str(ROOT / 'examples' / 'serve.py')!r})['app'])")


def listings() -> list[str]:
    """The Python listings of the README, in order: a client, a server."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


async def test_the_readmes_client_holds_a_conversation_in_twelve_lines(url: str) -> None:
    client = listings()[0]
    assert len([line for line in client.splitlines() if line.strip()]) <= 12
    printed = await run("-c", client.replace("ws://127.0.0.1:8000", url))
    assert printed.startswith("SessionCreatedEvent(")
    assert "7 times 8 is 56." in printed


def test_the_readmes_server_is_an_application_in_twelve_lines() -> None:
    server = listings()[1]
    assert len([line for line in server.splitlines() if line.strip()]) <= 12
    names: dict[str, object] = {}
    exec(server.replace("uvicorn.run(", "dict(app="), names)
    assert isinstance(names["app"], RealtimeApp)


def test_no_example_is_longer_than_forty_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("examples/*.py")}
    assert lengths
    assert max(lengths.values()) <= 40
