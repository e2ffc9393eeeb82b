"""The telephone of tests rings at an application that another thread serves."""

from __future__ import annotations

import pytest

from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_CALLS = """
import asyncio, threading
import duologue, pytest
from duologue.telephony import sip
from tests._uvicorn import under_uvicorn

SECRET = "whsec_dGVzdA=="

@pytest.mark.realtime(hears=["what time is it"], says=["It is noon."])
async def test_a_call(realtime_server, ring_phone):
    async def answer(call):
        await sip.accept(realtime_server.base_url, call_id=call.call_id)
        async with duologue.connect(realtime_server.base_url, call_id=call.call_id) as connection:
            async for _ in connection:
                pass

    async with under_uvicorn(sip.WebhookApp(answer, secret=SECRET), lifespan="off") as port:
        url = f"http://127.0.0.1:{port}/"
        report = await asyncio.to_thread(ring_phone, url, secret=SECRET, quiet_s=0.2)
        assert report.answered and report.first_sound_ms < 5000
        assert not (await asyncio.to_thread(ring_phone, url, secret=SECRET, webhook_fault="unsigned")).answered
"""


def test_an_application_is_called_by_the_fixture(pytester: pytest.Pytester) -> None:
    run(pytester, _CALLS, "-p", "no:cacheprovider").assert_outcomes(passed=1)
