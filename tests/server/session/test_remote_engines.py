"""A session whose engines are behind URLs: a spoken turn, and each failure, seen by the operator and by the caller."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from duologue.engines.registry import Engines
from duologue.engines.remote.synthesizer import RemoteSynthesizer
from duologue.engines.remote.transcriber import RemoteTranscriber
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from tests.engines._stand_in import endpoint, http, sse
from tests.server._listening import scripted_app
from tests.server._talking import audio, event, speak, status, typed, until, update
from tests.server.conftest import Talk

KEY = "sk-do-not-tell"
SPEECH = b"\1\0" * 2_400
HEARD = sse('{"type":"transcript.text.delta","delta":"Good morning."}', '{"type":"transcript.text.done"}')
SPOKEN = http("200 OK", SPEECH, "audio/pcm")
TRANSCRIBE = update(audio={"input": {"transcription": {"model": "ears"}}})


@asynccontextmanager
async def engines(ears: str, mouth: str, *, timeout_s: float = 5.0) -> AsyncGenerator[Engines]:
    transcriber = RemoteTranscriber(url=ears, model="ears", api_key=KEY, timeout_s=timeout_s)
    synthesizer = RemoteSynthesizer(url=mouth, model="mouth", api_key=KEY, timeout_s=timeout_s)
    scripted = scripted_engines(responses=("Good morning to you.",))
    try:
        yield replace(scripted, transcriber=transcriber, synthesizer=synthesizer)
    finally:
        await transcriber.aclose()
        await synthesizer.aclose()


async def test_a_spoken_turn_is_heard_and_answered(talk: Talk) -> None:
    async with (
        endpoint(HEARD) as ears,
        endpoint(SPOKEN, piece_bytes=500) as mouth,
        engines(ears.url, mouth.url) as both,
        talk(both) as connection,
    ):
        await connection.send(TRANSCRIBE)
        await speak(connection)
        events = await until(connection, "response.done")
    [heard] = [e for e in events if e.type == "conversation.item.input_audio_transcription.completed"]
    assert heard.to_json()["transcript"] == "Good morning."
    assert status(events)["status"] == "completed"
    assert audio(events) == SPEECH
    assert [request["input"] for request in mouth.requests] == ["Good morning to you."]


FAILURES = {
    "a refused key": (http("401 No", f'{{"error":{{"message":"bad key {KEY}"}}}}'.encode()), "answered 401: bad key"),
    "a server that fails": (http("500 No", b"Good morning"), "answered 500"),
    "garbage": (http("200 OK", b"Good morning", "text/html"), "the type 'text/html'"),
    "a broken line": (http("200 OK\r\nContent-Length: 9999", SPEECH, "audio/pcm"), "peer closed connection"),
    "no answer": (b"", "Server disconnected"),
    "silence": (None, "did not answer in time"),
    "a server that is down": (None, "All connection attempts failed"),
    "a wrong rate": (http("200 OK", SPEECH, "audio/pcm;rate=1"), "not a rate of speech"),
}


@asynccontextmanager
async def failing(kind: str) -> AsyncGenerator[str]:
    """The URL of a service that fails in this way."""
    answer, _ = FAILURES[kind]
    if kind == "a server that is down":
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    else:
        async with endpoint(answer or b"", hold_open=answer is None) as server:
            yield server.url


@pytest.mark.parametrize("kind", FAILURES)
async def test_a_voice_that_fails_fails_the_response_in_a_sentence_for_each(
    kind: str, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        endpoint(HEARD) as ears,
        failing(kind) as mouth,
        engines(ears.url, mouth, timeout_s=0.1 if kind == "silence" else 5.0) as both,
        talk(both) as connection,
    ):
        await connection.send(typed("Good morning."))
        await connection.send(event("response.create"))
        response = status(await until(connection, "response.done"))
        assert response["status"] == "failed"
        told = response["status_details"]["error"]["message"]
        # The session goes on.
        await connection.send(event("response.create", response={"output_modalities": ["text"]}))
        assert status(await until(connection, "response.done"))["status"] == "completed"
    assert told.startswith("the speech synthesis ")
    assert "127.0.0.1" not in told
    assert "remote-mouth: 127.0.0.1" in caplog.text
    assert FAILURES[kind][1] in caplog.text
    assert KEY not in caplog.text + told
    assert "Good morning" not in caplog.text


@pytest.mark.parametrize("kind", [kind for kind in FAILURES if kind not in ("a wrong rate", "a broken line")])
async def test_ears_that_fail_fail_the_transcription_in_a_sentence_for_each(
    kind: str, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        failing(kind) as ears,
        endpoint(SPOKEN) as mouth,
        engines(ears, mouth.url, timeout_s=0.1 if kind == "silence" else 5.0) as both,
        talk(both) as connection,
    ):
        await connection.send(TRANSCRIBE)
        await speak(connection)
        events = await until(connection, "response.done")
    [failed] = [e for e in events if e.type == "conversation.item.input_audio_transcription.failed"]
    told = failed.to_json()["error"]["message"]
    assert told.startswith("the speech recognition ")
    assert "127.0.0.1" not in told
    assert "remote-ears: 127.0.0.1" in caplog.text
    assert KEY not in caplog.text + told


async def test_readiness_follows_the_services(caplog: pytest.LogCaptureFixture) -> None:
    listed, models = http("200 OK", b'{"voices":["heart"]}'), http("200 OK", b"{}")
    async with endpoint(models) as ears, endpoint(listed) as mouth, engines(ears.url, mouth.url) as both:
        app = scripted_app(both)
        async with app.running(), asked(app) as client:
            assert (await client.get("/readyz")).json() == {"status": "ok", "sessions": 0}
            assert (await client.get("/v1/audio/voices")).json()["voices"] == ["heart"]
    async with failing("a refused key") as ears_url, endpoint(listed) as mouth, engines(ears_url, mouth.url) as both:
        app = scripted_app(both)
        async with app.running(), asked(app) as client:
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json() == {"status": "engines", "engines": {"transcriber": "not reachable"}}
            assert (await client.get("/healthz")).status_code == 200
    assert "engine not reachable engine=transcriber" in caplog.text
    assert KEY not in caplog.text


def asked(app: RealtimeApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")
