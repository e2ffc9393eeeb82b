"""The official Python SDK as a client of Azure, which adds Azure's paths by itself, unmodified, over a real socket."""

from __future__ import annotations

import asyncio

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from websockets.exceptions import InvalidStatus

from tests.compat._sdk import Sdk
from tests.compat._talkative import scripted
from tests.server._listening import listening

pytestmark = pytest.mark.timeout(60)


async def test_a_deployment_at_the_dated_path_is_spoken_to_in_the_beta_s_shape() -> None:
    async with listening(scripted()) as url:
        host = url.removesuffix("/v1/realtime")
        client = AsyncAzureOpenAI(
            azure_endpoint=host.replace("ws://", "http://"),
            websocket_base_url=f"{host}/openai",
            api_version="2024-10-01-preview",
            api_key="open",
        )
        async with client, client.beta.realtime.connect(model="my-voice") as connection:
            events = await Sdk(connection).typed_turn("hi", modalities=["text"])
    assert (events[0].type, events[0].session.model) == ("session.created", "my-voice")
    assert "conversation.item.created" in {event.type for event in events}
    assert events[-1].response.output[0].content[0].text == "This is a script."


async def test_azure_s_v1_path_speaks_as_the_hosted_service() -> None:
    async with listening(scripted()) as url:
        base = url.replace("ws://", "http://").replace("/v1/realtime", "/openai/v1")
        async with AsyncOpenAI(base_url=base, api_key="open") as client:
            secret = await client.realtime.client_secrets.create(session={"type": "realtime"})
            async with client.realtime.connect(model="my-voice") as connection:
                events = await Sdk(connection).typed_turn("hi", type="realtime", output_modalities=["text"])
    assert secret.value.startswith("ek_")
    assert "conversation.item.added" in {event.type for event in events}
    assert events[-1].response.output[0].content[0].text == "This is a script."


async def test_live_sessions_of_azure_are_at_its_v1_path_only() -> None:
    async with listening(scripted()) as url:
        host = url.replace("ws://", "http://").removesuffix("/v1/realtime")
        dated = AsyncAzureOpenAI(azure_endpoint=host, api_version="2025-04-01-preview", api_key="open")
        v1 = AsyncAzureOpenAI(base_url=f"{host}/openai/v1", api_version="v1", api_key="open")
        async with dated, v1:
            with pytest.raises(InvalidStatus) as refused:
                async with dated.live.connect():
                    pass
            async with v1.live.connect() as connection:
                await connection.session.start(session={"model": "my-voice"})
                async with asyncio.timeout(20):
                    started = await connection.recv()
    assert refused.value.response.status_code == 404
    assert started.type == "session.started"
    assert started.session.model == "my-voice"
