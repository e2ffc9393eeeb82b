"""The official Python SDK, unmodified, makes calls over WebRTC, joins and ends them. The caller's peer is in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from duologue.testing import scripted_engines
from duologue.transports.webrtc.memory import MemoryPeer, MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from tests.compat._sdk import Sdk, addresses, check
from tests.server._listening import listening, scripted_app
from tests.server.calls._calls import closed, event

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def server() -> AsyncGenerator[tuple[dict[str, Any], MemoryPeer]]:
    """What the SDK is told of a server, and the peer of a caller."""
    stack = MemoryStack()
    engines = scripted_engines(responses=("Two words.",))
    async with listening(scripted_app(engines, stack=stack, api_key="sesame")) as url:
        peer = stack.new_peer(PeerSettings())
        yield {**addresses(url), "api_key": "sesame"}, peer
        await peer.close()


async def test_a_call_is_made_joined_and_hung_up() -> None:
    async with server() as (told, peer), AsyncOpenAI(**told) as client:
        session: Any = {"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}
        made = await client.realtime.calls.with_raw_response.create(sdp=await peer.offer(), session=session)
        assert made.status_code == 201
        call_id = made.headers["location"].rpartition("/")[2]
        await peer.connect(made.text)
        created = await event(peer, "session.created")
        async with asyncio.timeout(20), client.realtime.connect(call_id=call_id) as connection:
            sideband = Sdk(connection, check=check)
            [first] = await sideband.until("session.created")
            assert first.session.id == created["session"]["id"]
            await sideband.call("response.create")
            await sideband.until("response.done")
            done = await event(peer, "response.done")
            assert done["response"]["output"][0]["content"][0]["text"] == "Two words."
            await client.realtime.calls.hangup(call_id)
            assert [_ async for _ in connection] == []
        assert await closed(peer) == 1000
        with pytest.raises(openai.BadRequestError) as refused:
            await client.realtime.calls.hangup(call_id)
        assert refused.value.code == "call_id_not_found"


async def test_the_blocking_client_makes_a_call_from_a_bare_offer() -> None:
    async with server() as (told, peer):
        offer = await peer.offer()

        def call() -> str:
            with OpenAI(**told) as client:
                return client.realtime.calls.create(sdp=offer).text

        await peer.connect(await asyncio.to_thread(call))
        await event(peer, "session.created")


async def test_what_is_no_offer_is_the_sdk_s_own_error() -> None:
    async with server() as (told, _), AsyncOpenAI(**told) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.realtime.calls.create(sdp="v=0")
        assert refused.value.code == "invalid_offer"
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="other").realtime.calls.create(sdp="v=0")
        for verb in (client.realtime.calls.reject, client.realtime.calls.hangup):
            with pytest.raises(openai.BadRequestError):
                await verb("rtc_1")


async def test_a_call_of_another_owner_cannot_be_joined() -> None:
    async with server() as (told, _), AsyncOpenAI(**told) as client:
        with pytest.raises(Exception, match="404"):
            async with client.realtime.connect(call_id="rtc_1"):
                pass


async def test_a_live_session_is_started_over_webrtc_and_joined() -> None:
    async with server() as (told, peer), AsyncOpenAI(**told) as client:
        session: Any = {"model": "gpt-live-1"}
        transport: Any = {"type": "webrtc", "sdp": await peer.offer()}
        made = await client.live.create(session=session, transport=transport)
        await peer.connect(made.transport.sdp)
        assert (await event(peer, "session.started"))["session"]["id"] == made.session.id
        async with asyncio.timeout(20), client.live.sideband.connect(session_id=made.session.id) as sideband:
            assert (await sideband.recv()).type == "session.started"
