"""A telephone rings at our server, and an application of ours answers by webhook, verbs and `call_id=`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import duologue
from duologue.audio.wav import Sound
from duologue.errors import RequestRejected
from duologue.events import InputAudioBufferDtmfEventReceivedEvent
from duologue.server import RealtimeApp
from duologue.telephony import sip
from duologue.telephony.sip.ring_plan import KeyPress, RingPlan, RingReport
from duologue.telephony.sip.ringing import ring
from duologue.testing import scripted_engines
from duologue.testing.sounds import silence, tone
from tests._uvicorn import under_uvicorn
from tests.server._listening import listening, scripted_app
from tests.telephony.sip.test_webhooks import SECRET

CALLER = Sound(tone(400) + silence(200), 24_000)
Handle = Callable[[str, sip.CallIncoming], Awaitable[object]]


class Rig:
    """A server with a telephone, and an application that gets its webhooks."""

    def __init__(self, app: RealtimeApp, webhook_url: str) -> None:
        self.app = app
        self.webhook_url = webhook_url

    async def ring(self, **plan: Any) -> RingReport:
        settings: dict[str, Any] = {"caller": CALLER, "quiet_s": 0.3, "answer_s": 3.0, "ring_s": 3.0, **plan}
        async with asyncio.timeout(20):
            return await ring(self.app, RingPlan(webhook_url=self.webhook_url, secret=SECRET, **settings))


@asynccontextmanager
async def rig(handle: Handle, *responses: str, **settings: Any) -> AsyncGenerator[Rig, None]:
    faults: list[BaseException] = []
    app = scripted_app(scripted_engines(responses=responses or ("Hello.",)), **settings)
    async with listening(app) as url:

        async def answer(call: sip.CallIncoming) -> None:
            try:
                await handle(url, call)
            except BaseException as fault:
                faults.append(fault)

        site = Starlette(routes=[Route("/openai", sip.WebhookApp(answer, secret=SECRET), methods=["POST"])])
        async with under_uvicorn(site, lifespan="off") as port:
            yield Rig(app, f"http://127.0.0.1:{port}/openai")
    assert faults == []
    assert not len(app.calls)


async def hold(url: str, call: sip.CallIncoming) -> None:
    """Accept the call, and stay until it is over."""
    await sip.accept(url, call_id=call.call_id, session={"model": "gpt-realtime"})
    async with duologue.connect(url, call_id=call.call_id) as connection:
        async for _ in connection:
            pass


async def test_an_accepted_call_is_answered_and_its_events_come_by_call_id() -> None:
    events: list[Any] = []

    async def handle(url: str, call: sip.CallIncoming) -> None:
        assert (call.caller, call.header("cseq")) == ("+15550100", "1 INVITE")
        await sip.accept(url, call_id=call.call_id, session={"model": "gpt-realtime", "instructions": "Be short."})
        async with duologue.connect(url, call_id=call.call_id) as connection:
            events.extend([event async for event in connection])

    async with rig(handle, "Hello there.") as served:
        report = await served.ring(keys=(KeyPress(at_ms=1200, key="1"), KeyPress(at_ms=1300, key="#")))
    assert (report.sip_status, report.ended_by, report.webhook_statuses) == (200, "caller", (200,))
    assert report.first_sound_ms is not None
    assert report.heard.duration_ms > 600
    types = [event.type for event in events]
    assert types[0] == "session.created"
    assert events[0].session.instructions == "Be short."
    assert "response.done" in types
    assert [each.event for each in events if isinstance(each, InputAudioBufferDtmfEventReceivedEvent)] == ["1", "#"]
    assert len(report.happened("response.output_audio_transcript.done")) == 1


@pytest.mark.parametrize("webhook_fault", ["unsigned", "wrong-secret", "stale"])
async def test_what_is_not_signed_rings_in_vain(webhook_fault: str) -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        raise AssertionError("a stranger's call")

    async with rig(handle) as served:
        report = await served.ring(webhook_fault=webhook_fault)
    assert (report.sip_status, report.webhook_statuses) == (487, (400,))


async def test_a_webhook_that_comes_twice_is_handled_once() -> None:
    handled: list[str] = []

    async def handle(url: str, call: sip.CallIncoming) -> None:
        handled.append(call.call_id)
        await hold(url, call)

    async with rig(handle) as served:
        report = await served.ring(webhook_fault="twice")
    assert (report.sip_status, report.webhook_statuses) == (200, (200, 200))
    assert handled == [report.call_id]


async def test_a_call_is_declined_with_the_status_of_the_application() -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        await sip.reject(url, call_id=call.call_id, status_code=486)
        with pytest.raises(RequestRejected, match="No call"):
            await sip.accept(url, call_id=call.call_id)

    async with rig(handle) as served:
        report = await served.ring()
    assert (report.sip_status, report.answered, report.ended_by) == (486, False, None)


async def test_a_call_is_transferred_and_the_session_ends() -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        await sip.accept(url, call_id=call.call_id)
        with pytest.raises(RequestRejected, match="already"):
            await sip.accept(url, call_id=call.call_id)
        await sip.refer(url, call_id=call.call_id, target_uri="tel:+15550199")

    async with rig(handle) as served:
        report = await served.ring()
    assert (report.sip_status, report.ended_by, report.referred_to) == (200, "transfer", "tel:+15550199")


async def test_the_application_hangs_up() -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        await sip.accept(url, call_id=call.call_id)
        await asyncio.to_thread(sip.blocking.hang_up, url, call_id=call.call_id)

    async with rig(handle) as served:
        report = await served.ring()
    assert (report.sip_status, report.ended_by) == (200, "service")


async def test_an_application_that_does_nothing_or_is_not_there_is_given_up() -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        pass

    async with rig(handle) as served:
        report = await served.ring(ring_s=0.05)
        assert (report.sip_status, report.webhook_statuses) == (487, (200,))
        served.webhook_url = "http://127.0.0.1:9/"
        report = await served.ring()
        assert (report.sip_status, report.webhook_statuses) == (487, (None,))
        assert "refused" in report.moments[1].what


async def test_a_secret_that_is_none_is_told_before_anything_rings() -> None:
    plan = RingPlan(webhook_url="http://127.0.0.1:9/", secret="sk-1", caller=CALLER)
    with pytest.raises(ValueError, match="whsec_"):
        await ring(RealtimeApp(), plan)


async def test_a_refused_configuration_leaves_the_call_ringing() -> None:
    async def handle(url: str, call: sip.CallIncoming) -> None:
        with pytest.raises(RequestRejected, match="cannot accept the call"):
            await sip.accept(url, call_id=call.call_id, session={"max_output_tokens": -1})
        await sip.reject(url, call_id=call.call_id)

    async with rig(handle) as served:
        report = await served.ring()
    assert report.sip_status == 603
