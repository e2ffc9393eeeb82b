"""A relay over real sockets: whole turns, losses, and keys."""

from __future__ import annotations

import asyncio
import logging

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.client import client_secret
from duologue.errors import ConnectFailed
from duologue.events import (
    AudioConfig,
    AudioOutputConfig,
    InputAudioTranscriptionCompletedEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
)
from duologue.events.base import encode_audio
from duologue.protocol import SessionDefaults
from duologue.server import RealtimeApp, Upstream
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import Transport, memory_pair
from tests.compat._sdk import sdk_session
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app
from tests.server._relays import upstream_at
from tests.server._talking import event, speak, status, typed, until, update

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai-beta", "openai"), ("openai", "openai-beta")])
async def test_transcripts_and_a_truncate_pass_in_either_direction(upstream_dialect: str, dialect: str) -> None:
    engines = scripted_engines(transcripts=("A question.",), responses=("One two three.",))
    behind = scripted_app(engines, dialect=upstream_dialect)
    async with listening(behind) as upstream_url:
        front = RealtimeApp(upstream=upstream_at(upstream_url, upstream_dialect), dialect=dialect)
        async with listening(front) as url, connect(url, dialect=dialect) as connection:
            await connection.send(update(audio={"input": {"transcription": {"model": "whisper-1"}}}))
            await until(connection, "session.updated")
            await speak(connection)
            events = await until(connection, "response.done")
            [heard] = [reported for reported in events if isinstance(reported, InputAudioTranscriptionCompletedEvent)]
            assert heard.transcript == "A question."
            [*_, last] = [reported for reported in events if isinstance(reported, ResponseAudioDeltaEvent)]
            await connection.send(
                event("conversation.item.truncate", item_id=last.item_id, content_index=0, audio_end_ms=100)
            )
            [*_, cut] = await until(connection, "conversation.item.truncated")
            assert cut.to_json()["audio_end_ms"] == 100
            await connection.send(event("conversation.item.delete", item_id=last.item_id))
            await until(connection, "conversation.item.deleted")
            await connection.send(event("conversation.item.retrieve", event_id="ask", item_id="unknown"))
            [*_, refused] = await until(connection, "error")
            assert refused.to_json()["error"]["code"] == "item_retrieve_invalid_item_id"
            assert refused.to_json()["error"]["event_id"] == "ask"


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai", "openai"), ("openai-beta", "openai")])
async def test_a_client_secret_of_the_relay_opens_what_it_was_made_for_and_never_shows_the_upstream_s_key(
    upstream_dialect: str, dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engines = scripted_engines(responses=("Two words.",))
    behind = scripted_app(engines, dialect=upstream_dialect, api_key="sk-upstream")
    async with listening(behind) as upstream_url:
        upstream = upstream_at(upstream_url, upstream_dialect, api_key="sk-upstream")
        async with listening(RealtimeApp(upstream=upstream, dialect=dialect, api_key="sk-door")) as url:
            asked = RealtimeSessionConfig(model="m-7", instructions="Be short.", output_modalities=["text"])
            secret = await client_secret(url, api_key="sk-door", session=asked)
            assert secret.value.startswith("ek_")
            assert isinstance(secret.session, RealtimeSession)
            assert secret.session.instructions == "Be short."
            async with connect(url, api_key=secret.value, dialect=dialect) as connection:
                [greeting] = await until(connection, "session.created")
                session = greeting.to_json()["session"]
                assert (session["model"], session["instructions"]) == ("m-7", "Be short.")
                await connection.send(typed("hi"))
                await connection.send(event("response.create"))
                events = await until(connection, "response.done")
                assert status(events)["output"][0]["content"][0]["text"] == "Two words."
            for key in ("sk-upstream", "ek_wrong"):
                async with connect(url, api_key=key) as connection:
                    [refused] = await until(connection, "error")
                    assert refused.to_json()["error"]["code"] == "invalid_api_key"
    shown = f"{secret.session!r}"
    for key in ("sk-upstream", "sk-door", secret.value):
        assert key not in caplog.text
        assert key not in shown


async def test_a_relay_does_not_judge_what_its_upstream_may_know() -> None:
    async with listening(RealtimeApp(upstream=upstream_at("ws://127.0.0.1:9"), models=["m"], api_key="k")) as url:
        asked = RealtimeSessionConfig(audio=AudioConfig(output=AudioOutputConfig(voice="a-voice-of-theirs")))
        assert (await client_secret(url, api_key="k", session=asked)).value.startswith("ek_")
        with pytest.raises(ConnectFailed, match="404"):
            await client_secret(url, api_key="k", session=RealtimeSessionConfig(model="another"))


async def test_the_official_sdk_s_current_client_talks_to_a_beta_server_and_sees_nothing_but_its_own_types() -> None:
    engines = scripted_engines(responses=("Two words.",))
    async with listening(scripted_app(engines, dialect="openai-beta")) as upstream_url:
        front = RealtimeApp(upstream=upstream_at(upstream_url, "openai-beta"))
        async with listening(front) as url, sdk_session(url, "async") as sdk:
            await sdk.call("session.update", session={"type": "realtime", "output_modalities": ["text"]})
            [*_, updated] = await sdk.until("session.updated")
            assert updated.session.output_modalities == ["text"]
            await sdk.say("Hello")
            await sdk.call("response.create")
            events = await sdk.until("response.done")
            assert events[-1].response.output[0].content[0].text == "Two words."
            await sdk.call("session.update", session={"type": "realtime", "output_modalities": ["audio"]})
            for piece in (LOUD * 400, QUIET * 600):
                await sdk.call("input_audio_buffer.append", audio=encode_audio(piece))
            events = await sdk.until("response.done")
    names = [reported.type for reported in events]
    assert names.count("conversation.item.added") == names.count("conversation.item.done") == 2
    assert "response.output_audio.delta" in names


async def test_a_long_text_that_is_not_ascii_passes_a_relay_as_it_came() -> None:
    ours, theirs = memory_pair()

    async def open_upstream(session_start: SessionStart) -> Transport:
        return theirs

    front = RealtimeApp(upstream=Upstream(open=open_upstream), defaults=SessionDefaults(max_event_bytes=1000))
    message = '{"type":"new.event","text":"' + "\U0001f642é\\\\" * 500 + '"}'
    async with listening(front) as url, websockets_connect(url) as socket:
        await socket.send(message)
        assert await asyncio.wait_for(ours.receive(), 5) == message
        await ours.close()
