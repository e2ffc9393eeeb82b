"""A relay over real sockets: whole turns, losses, and keys."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from duologue import connect
from duologue.client import Endpoint, client_secret
from duologue.client.asyncio.connect import open_endpoint
from duologue.errors import ConnectFailed, ConnectionClosedError
from duologue.events import (
    AudioConfig,
    AudioOutputConfig,
    ErrorEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
    ResponseDoneEvent,
)
from duologue.events.base import encode_audio
from duologue.server import RealtimeApp, Upstream
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports import Transport
from duologue.transports.websocket import WebSocketTransport
from tests.compat.test_openai_sdk import sdk
from tests.compat.test_openai_sdk import until as sdk_until
from tests.server._engines import LOUD, QUIET, EndlessSynthesizer
from tests.server._listening import listening
from tests.server._talking import event, speak, status, typed, until, update

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai-beta", "openai"), ("openai", "openai-beta")])
async def test_a_relay_carries_a_spoken_turn_and_a_barge_in_over_sockets(upstream_dialect: str, dialect: str) -> None:
    engines = replace(scripted_engines(responses=("One two three. " * 50,)), synthesizer=EndlessSynthesizer())
    behind = RealtimeApp(engines=scripted_app_engines(engines), dialect=upstream_dialect, api_key="hidden")
    async with listening(behind) as upstream_url:

        async def open_upstream(session_start: SessionStart) -> Transport:
            place = Endpoint(url=upstream_url, api_key="hidden", model=session_start.model, dialect=upstream_dialect)
            return await open_endpoint(place)

        front = RealtimeApp(upstream=Upstream(open=open_upstream, dialect=upstream_dialect), dialect=dialect)
        async with listening(front) as url, connect(url, dialect=dialect, model="m-1") as connection:
            [greeting] = await until(connection, "session.created")
            assert greeting.to_json()["session"]["model"] == "m-1"
            await speak(connection)
            await until(connection, "response.output_audio.delta")
            await speak(connection, silence_ms=0)
            events = await until(connection, "response.done")
            assert isinstance(events[-1], ResponseDoneEvent)
            assert status(events)["status"] == "cancelled"


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai-beta", "openai"), ("openai", "openai-beta")])
async def test_transcripts_and_a_truncate_pass_in_either_direction(upstream_dialect: str, dialect: str) -> None:
    engines = scripted_engines(transcripts=("A question.",), responses=("One two three.",))
    behind = RealtimeApp(engines=scripted_app_engines(engines), dialect=upstream_dialect)
    async with listening(behind) as upstream_url:
        front = RealtimeApp(upstream=to(upstream_url, upstream_dialect), dialect=dialect)
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
            await connection.send(event("conversation.item.retrieve", event_id="ask", item_id="nobody"))
            [*_, refused] = await until(connection, "error")
            assert refused.to_json()["error"]["code"] == "item_retrieve_invalid_item_id"
            assert refused.to_json()["error"]["event_id"] == "ask"


async def test_an_upstream_that_breaks_off_in_the_middle_of_a_response_ends_the_session_with_1011() -> None:
    engines = replace(scripted_engines(responses=("One two three. " * 50,)), synthesizer=EndlessSynthesizer())
    opened: list[Transport] = []
    async with listening(RealtimeApp(engines=scripted_app_engines(engines))) as upstream_url:

        async def open_upstream(session_start: SessionStart) -> Transport:
            opened.append(await open_endpoint(Endpoint(url=upstream_url)))
            return opened[-1]

        front = RealtimeApp(upstream=Upstream(open=open_upstream), dialect="openai-beta")
        async with listening(front) as url, connect(url, dialect="openai-beta") as connection:
            await connection.send(typed("hi"))
            await connection.send(event("response.create"))
            await until(connection, "response.output_audio.delta")
            [upstream] = opened
            assert isinstance(upstream, WebSocketTransport)
            upstream._socket.transport.abort()
            with pytest.raises(ConnectionClosedError) as closed:
                await until(connection, "response.done")
    assert (closed.value.code, closed.value.reason) == (1011, "the upstream is gone")


# --- keys


def to(url: str, dialect: str = "openai", *, api_key: str | None = None) -> Upstream:
    """An upstream that is a server of ours."""

    async def open_upstream(session_start: SessionStart) -> Transport:
        return await open_endpoint(Endpoint(url=url, api_key=api_key, model=session_start.model, dialect=dialect))

    return Upstream(open=open_upstream, dialect=dialect)


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai", "openai"), ("openai-beta", "openai")])
async def test_a_client_secret_of_the_relay_opens_what_it_was_made_for_and_never_shows_the_upstream_s_key(
    upstream_dialect: str, dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engines = scripted_engines(responses=("Two words.",))
    behind = RealtimeApp(engines=scripted_app_engines(engines), dialect=upstream_dialect, api_key="sk-upstream")
    async with listening(behind) as upstream_url:
        upstream = to(upstream_url, upstream_dialect, api_key="sk-upstream")
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
    async with listening(RealtimeApp(upstream=to("ws://127.0.0.1:9"), models=["m"], api_key="k")) as url:
        asked = RealtimeSessionConfig(audio=AudioConfig(output=AudioOutputConfig(voice="a-voice-of-theirs")))
        assert (await client_secret(url, api_key="k", session=asked)).value.startswith("ek_")
        with pytest.raises(ConnectFailed, match="404"):
            await client_secret(url, api_key="k", session=RealtimeSessionConfig(model="another"))


async def test_a_client_of_a_relay_learns_why_its_upstream_is_not_there() -> None:
    async def open_upstream(session_start: SessionStart) -> Transport:
        return await open_endpoint(Endpoint(url="ws://127.0.0.1:9/v1/realtime"))

    async with listening(RealtimeApp(upstream=Upstream(open=open_upstream))) as url, connect(url) as connection:
        [reported] = await until(connection, "error")
        assert isinstance(reported, ErrorEvent)
        assert reported.error.code == "upstream_unavailable"
        assert "127.0.0.1" not in str(reported.to_json())


async def test_the_official_sdk_s_current_client_talks_to_a_beta_server_and_sees_nothing_but_its_own_types() -> None:
    engines = scripted_engines(responses=("Two words.",))
    async with listening(RealtimeApp(engines=scripted_app_engines(engines), dialect="openai-beta")) as upstream_url:

        async def open_upstream(session_start: SessionStart) -> Transport:
            return await open_endpoint(Endpoint(url=upstream_url, model=session_start.model, dialect="openai-beta"))

        front = RealtimeApp(upstream=Upstream(open=open_upstream, dialect="openai-beta"))
        async with listening(front) as url, sdk(url) as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            [*_, updated] = await sdk_until(connection, "session.updated")
            assert updated.session.output_modalities == ["text"]
            content: Any = [{"type": "input_text", "text": "Hello"}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            events = await sdk_until(connection, "response.done")
            assert events[-1].response.output[0].content[0].text == "Two words."
            await connection.session.update(session={"type": "realtime", "output_modalities": ["audio"]})
            for piece in (LOUD * 400, QUIET * 600):
                await connection.input_audio_buffer.append(audio=encode_audio(piece))
            events = await sdk_until(connection, "response.done")
    names = [reported.type for reported in events]
    assert names.count("conversation.item.added") == names.count("conversation.item.done") == 2
    assert "response.output_audio.delta" in names
