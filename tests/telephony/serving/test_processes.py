"""Calls to servers in processes of their own: workers, the end of a server, and an upstream that is killed."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from contextlib import suppress

import pytest

from duologue.errors import ConnectFailed
from duologue.telephony.codecs.leg_events import PlayCommand
from duologue.transports.websocket import open_websocket
from tests.cli.conftest import SCRIPTED
from tests.telephony._carrier import MemoryCarrier, speech_frames
from tests.telephony.serving._process import calling, serving_phone
from tests.telephony.serving._server import SILENCE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals, and no workers")]

_OPEN = ("--phone", "twilio", "--phone-open")


def _n_played(line: MemoryCarrier) -> int:
    return len([each for each in line.commands if isinstance(each, PlayCommand)])


async def _until_silent(line: MemoryCarrier) -> None:
    """For a second nothing more came to be played: what comes now is another answer."""
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(1):
                await line.until(PlayCommand, _n_played(line) + 1)


async def _answered(line: MemoryCarrier) -> None:
    n_before = _n_played(line)
    await line.say(*speech_frames(500), *SILENCE)
    await line.until(PlayCommand, n_before + 1)


async def test_limits_hold_for_the_calls_of_all_workers_together() -> None:
    with serving_phone(*_OPEN, "--limit", "sessions=1", "--workers", "2", *SCRIPTED) as (_, url):
        async with calling(url) as line:
            await _answered(line)
            with pytest.raises(ConnectFailed) as refused:
                await open_websocket(url)
            assert refused.value.status == 503


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["alone", "worker"])
async def test_a_server_that_ends_lets_the_caller_hear_the_answer(workers: tuple[str, ...]) -> None:
    with serving_phone(*_OPEN, *workers, *SCRIPTED) as (process, url):
        async with calling(url) as line:
            await _answered(line)
            process.send_signal(signal.SIGTERM)
            await line.until_closed()
        assert await asyncio.to_thread(process.wait, 15) == 0


async def test_a_caller_is_answered_within_five_seconds_after_the_upstream_was_killed() -> None:
    with serving_phone(*_OPEN, "--reuse-port", *SCRIPTED) as (upstream, url):
        found = re.search(r":(\d+)/", url)
        assert found is not None
        relay = ("--upstream", f"ws://127.0.0.1:{found[1]}/v1/realtime")
        with serving_phone(*_OPEN, *relay) as (_, phone):
            async with calling(phone) as line:
                await _answered(line)
                await _until_silent(line)
                again = (*_OPEN, "--reuse-port", "--port", found[1], *SCRIPTED)
                with serving_phone(*again):
                    began = asyncio.get_running_loop().time()
                    upstream.send_signal(signal.SIGKILL)
                    async with asyncio.timeout(5):
                        while True:  # people ask again where they hear nothing
                            try:
                                async with asyncio.timeout(1.5):
                                    await _answered(line)
                            except TimeoutError:
                                continue
                            break
                    print(f"answered after {asyncio.get_running_loop().time() - began:.2f} s")
