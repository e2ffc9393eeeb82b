"""The configuration of a client secret, as it is sent to an upstream. The test plays both sides."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.server._relays import close_seen, created, relayed, reported, updated

pytestmark = pytest.mark.timeout(30)

CONFIGURATION = json.dumps(
    {"type": "session.update", "session": {"type": "realtime", "model": "m", "instructions": "Be short."}}
)
REFUSED = "the upstream refuses the configuration of the session"


@pytest.mark.parametrize(
    ("upstream_dialect", "dialect"), [("openai", "openai"), ("openai-beta", "openai"), ("openai", "openai-beta")]
)
async def test_the_upstream_is_configured_first_and_the_client_gets_that_session_alone(
    upstream_dialect: str, dialect: str
) -> None:
    async with relayed(upstream_dialect, dialect, configuration=CONFIGURATION) as (client, upstream):
        await client.send('{"type":"response.cancel"}')
        update = await reported(upstream)
        assert update["type"] == "session.update"
        assert update["session"]["instructions"] == "Be short."
        # The connection was opened for the model, which cannot be changed.
        assert "model" not in update["session"]
        assert (await reported(upstream))["type"] == "response.cancel"
        kind = {"type": "realtime"} if upstream_dialect == "openai" else {}
        await upstream.send(created(id="s", object="realtime.session", instructions="", **kind))
        await upstream.send('{"type":"from.tomorrow","event_id":"e2"}')
        await upstream.send(updated(id="s", object="realtime.session", instructions="Be short.", **kind))
        await upstream.send(updated(id="s", object="realtime.session", instructions="Be long.", **kind))
        greeting = await reported(client)
        assert (greeting["type"], greeting["event_id"]) == ("session.created", "e0")
        assert greeting["session"]["instructions"] == "Be short."
        names = [(await reported(client))["type"] for _ in range(3 if dialect == "openai-beta" else 2)]
        assert names[-2:] == ["from.tomorrow", "session.updated"]


async def test_a_configured_format_that_the_upstream_lacks_holds_from_the_first_event_on() -> None:
    audio = {"output": {"format": {"type": "audio/pcmu"}}}
    configuration = json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
    async with relayed("qwen", "openai", configuration=configuration) as (client, upstream):
        assert (await reported(upstream))["session"]["output_audio_format"] == "pcm"
        await upstream.send(created(id="s", output_audio_format="pcm"))
        await upstream.send(updated(id="s", output_audio_format="pcm"))
        assert (await reported(client))["session"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}


async def test_an_upstream_that_does_not_answer_updates_is_not_waited_for() -> None:
    configuration = json.dumps({"type": "session.update", "session": {"type": "transcription"}})
    async with relayed("vllm", "openai", configuration=configuration) as (client, upstream):
        assert (await reported(upstream))["type"] == "session.update"
        await upstream.send('{"type":"session.created","id":"s","created":1}')
        assert (await reported(client))["type"] == "session.created"


async def test_a_session_that_the_upstream_refuses_to_configure_is_none() -> None:
    async with relayed("openai-beta", "openai", configuration=CONFIGURATION) as (client, upstream):
        await reported(upstream)
        await upstream.send(created(id="s"))
        fault = {"type": "invalid_request_error", "code": "invalid_value", "message": "m", "param": "session.voice"}
        await upstream.send(json.dumps({"type": "error", "event_id": "e1", "error": fault}))
        assert (await reported(client))["error"]["param"] == "session.audio.output.voice"
        assert await close_seen(client) == (4000, REFUSED)


async def test_an_upstream_that_says_this_and_that_but_never_answers_is_given_up() -> None:
    async with relayed("openai", "openai", configuration=CONFIGURATION) as (client, upstream):
        await reported(upstream)
        await upstream.send(created(id="s"))
        await close_seen(upstream, sending="no json")
        assert await close_seen(client) == (4000, REFUSED)


async def test_an_upstream_that_has_no_session_at_all_says_so_itself() -> None:
    async with relayed("openai", "openai", configuration=CONFIGURATION) as (client, upstream):
        await reported(upstream)
        await upstream.send('{"type":"error","event_id":"e","error":{"type":"t","code":"no_quota","message":"m"}}')
        await upstream.close(4000, "t.no_quota")
        assert (await reported(client))["error"]["code"] == "no_quota"
        assert await close_seen(client) == (4000, "t.no_quota")


TOOL = {"type": "mcp", "server_label": "docs", "server_url": "https://x.invalid/"}
SECRET_TOOL = {
    **TOOL,
    "server_url": "https://me:sesame@x.invalid/",
    "authorization": "sesame",
    "headers": {"X-Key": "open"},
}


@pytest.mark.parametrize("dialect", ["openai", "openai-beta"])
async def test_the_keys_of_the_secret_s_servers_are_sent_to_the_upstream_and_never_to_the_client(dialect: str) -> None:
    configuration = json.dumps({"type": "session.update", "session": {"type": "realtime", "tools": [SECRET_TOOL]}})
    client_received: list[str | bytes] = []
    async with relayed("openai", dialect, configuration=configuration) as (client, upstream):
        assert (await reported(upstream))["session"]["tools"] == [SECRET_TOOL]
        session = {"id": "s", "object": "realtime.session", "type": "realtime", "tools": [SECRET_TOOL]}
        await upstream.send(created(**session))
        response = {"id": "r", "object": "realtime.response", "output": [], "tools": [SECRET_TOOL]}
        await upstream.send(json.dumps({"type": "response.created", "event_id": "e3", "response": response}))
        await upstream.send(updated(**session))
        await upstream.send(updated(**session, instructions="Be long."))
        await upstream.send(json.dumps({"type": "response.done", "event_id": "e4", "response": response}))
        while "response.done" not in str(client_received):
            client_received.append(await asyncio.wait_for(client.receive(), 5))
    assert "session.updated" in str(client_received)
    assert "docs" in str(client_received)
    assert "sesame" not in str(client_received)
    assert "X-Key" not in str(client_received)
