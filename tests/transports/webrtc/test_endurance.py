"""What takes a process of its own: calls without number, offers of any content, an other end that is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from duologue.errors import ConnectionClosedError
from duologue.transports.webrtc.peer import PeerSettings
from duologue.transports.webrtc.stacks import STACKS, load_stack

_ROOT = Path(__file__).parents[3]
_GROWTH_MB = 20
_GONE_WITHIN_S = 15


async def _run(module: str, *arguments: str, within_s: float) -> Any:
    """The JSON that a program of this folder prints. Fails if it ends by a signal or an exception."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.transports.webrtc.{module}", *arguments, cwd=_ROOT, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(within_s):
            printed, said = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    assert program.returncode == 0, said[-2000:].decode(errors="replace")
    return json.loads(printed)


@pytest.mark.parametrize("stack", STACKS)
async def test_mutated_descriptions_are_taken_or_refused(stack: str, tmp_path: Path) -> None:
    ends = await _run("_fuzz_sdp", stack, "60", "1", str(tmp_path / "last.sdp"), within_s=40)
    assert sum(ends.values()) == 60
    assert set(ends) == {"taken", "InvalidOffer"}


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_ten_thousand_mutated_descriptions_take_nothing_down(tmp_path: Path) -> None:
    ends = await _run("_fuzz_sdp", "wrtc", "10000", "2", str(tmp_path / "last.sdp"), within_s=880)
    assert sum(ends.values()) == 10_000


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform != "linux", reason="counts what /proc shows")
async def test_calls_leave_nothing_behind() -> None:
    held = await _run("_churn", "wrtc", "500", within_s=380)
    before, behind = held["before"], held["behind"]
    assert behind["rss_mb"] - before["rss_mb"] <= _GROWTH_MB
    for what in ("descriptors", "threads", "python_threads", "tasks"):
        assert behind[what] <= before[what], what


@pytest.mark.slow
@pytest.mark.parametrize("answering", STACKS)
@pytest.mark.parametrize("offering", STACKS)
async def test_an_end_that_is_killed_is_noticed(offering: str, answering: str) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.transports.webrtc._vanishing", offering, cwd=_ROOT, stdin=PIPE, stdout=PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    peer = load_stack(answering).new_peer(PeerSettings())
    try:
        async with asyncio.timeout(20):
            offer = json.loads(await other.stdout.readline())
            other.stdin.write(json.dumps(await peer.answer(offer)).encode() + b"\n")
            assert await peer.receive() == "here"
            for _ in range(50):
                await peer.hear()
        other.kill()
        async with asyncio.timeout(_GONE_WITHIN_S):
            with pytest.raises(ConnectionClosedError) as caught:
                await peer.receive()
        assert caught.value.code == 1006
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()
        await peer.close()
