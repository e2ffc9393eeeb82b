"""The official Python SDK, unmodified, takes telephone calls of our server: its webhooks, verbs and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, InvalidWebhookSignatureError
from openai.types.webhooks import RealtimeCallIncomingWebhookEvent
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.audio.wav import Sound
from duologue.telephony.sip.ring_plan import KeyPress, RingPlan, RingReport
from duologue.telephony.sip.ringing import ring
from duologue.testing import scripted_engines
from duologue.testing.sounds import silence, tone
from tests._uvicorn import under_uvicorn
from tests.compat._sdk import addresses
from tests.server._listening import listening, scripted_app

pytestmark = pytest.mark.timeout(60)

SECRET = "whsec_dGVzdA=="
CALLER = Sound(tone(400) + silence(100), 24_000)

Ring = Callable[..., Awaitable[RingReport]]


@asynccontextmanager
async def number(handle: Callable[[AsyncOpenAI, str], Awaitable[None]]) -> AsyncGenerator[Ring]:
    """An application of the SDK's guide; what rings at it."""
    app = scripted_app(scripted_engines(responses=("Two words.",)), api_key="sesame")
    async with listening(app) as url:
        client = AsyncOpenAI(**addresses(url), api_key="sesame", webhook_secret=SECRET)

        async def webhook(request: Request) -> Response:
            try:
                event = client.webhooks.unwrap(await request.body(), request.headers)
            except InvalidWebhookSignatureError:
                return Response("Invalid signature", 400)
            assert isinstance(event, RealtimeCallIncomingWebhookEvent)
            assert {header.name: header.value for header in event.data.sip_headers}["CSeq"] == "1 INVITE"
            return Response(background=BackgroundTask(handle, client, event.data.call_id))

        site = Starlette(routes=[Route("/", webhook, methods=["POST"])])
        async with under_uvicorn(site, lifespan="off") as port, client:

            async def ring_it(**plan: Any) -> RingReport:
                whole = RingPlan(webhook_url=f"http://127.0.0.1:{port}/", secret=SECRET, caller=CALLER, **plan)
                async with asyncio.timeout(20):
                    return await ring(app, whole)

            yield ring_it


async def test_a_call_is_accepted_joined_and_hung_up() -> None:
    events: list[Any] = []

    async def handle(client: AsyncOpenAI, call_id: str) -> None:
        await client.realtime.calls.accept(call_id, type="realtime", model="gpt-realtime", instructions="Be short.")
        async with client.realtime.connect(call_id=call_id) as connection:
            async for event in connection:
                events.append(event)
                if event.type == "input_audio_buffer.dtmf_event_received":
                    await client.realtime.calls.hangup(call_id)

    async with number(handle) as rings:
        report = await rings(keys=(KeyPress(at_ms=1500, key="#"),))
    assert (report.sip_status, report.ended_by) == (200, "service")
    assert report.first_sound_ms is not None
    assert (events[0].type, events[0].session.instructions) == ("session.created", "Be short.")
    assert {"response.done", "output_audio_buffer.started"} <= {event.type for event in events}
    assert (events[-1].event, isinstance(events[-1].received_at, int)) == ("#", True)


async def test_a_call_is_transferred() -> None:
    async def handle(client: AsyncOpenAI, call_id: str) -> None:
        await client.realtime.calls.accept(call_id, type="realtime", model="gpt-realtime")
        await client.realtime.calls.refer(call_id, target_uri="tel:+14155550123")

    async with number(handle) as rings:
        report = await rings()
    assert (report.ended_by, report.referred_to) == ("transfer", "tel:+14155550123")


async def test_a_call_is_rejected_and_is_over_then() -> None:
    refused: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def handle(client: AsyncOpenAI, call_id: str) -> None:
        await client.realtime.calls.reject(call_id, status_code=486)
        try:
            await client.realtime.calls.accept(call_id, type="realtime", model="gpt-realtime")
        except openai.BadRequestError as fault:
            refused.set_result(fault.code)

    async with number(handle) as rings:
        report = await rings()
        assert report.sip_status == 486
        assert await asyncio.wait_for(refused, 5) == "call_id_not_found"


@pytest.mark.parametrize("webhook_fault", ["wrong-secret", "stale"])
async def test_the_sdk_refuses_what_is_not_ours(webhook_fault: Any) -> None:
    async def handle(client: AsyncOpenAI, call_id: str) -> None:
        raise AssertionError("a stranger's call")

    async with number(handle) as rings:
        report = await rings(webhook_fault=webhook_fault)
    assert (report.answered, report.webhook_statuses) == (False, (400,))
