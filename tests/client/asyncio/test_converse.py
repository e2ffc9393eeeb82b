"""Opening a conversation: configuration first, and nothing left behind if it cannot be opened."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as WebSocketClosed

from duologue import blocking, connect, converse
from duologue.errors import ConnectFailed
from duologue.events import RealtimeSessionConfig
from tests.client._frames import replies, serving, updated
from tests.client._waiting import no_task_left


def weather(city: str) -> str:
    """The weather in a city."""
    return city


async def test_configuration_and_functions_are_sent_before_the_block_begins() -> None:
    server = serving(replies("session.update", updated()))
    session = RealtimeSessionConfig(instructions="Be brief.")
    async with (
        no_task_left(),
        server.listening() as url,
        converse(url, model="m", tools=[weather], session=session, open_timeout=5),
    ):
        sent = await server.wait_for("session.update")
        assert sent["session"]["instructions"] == "Be brief."
        assert [tool["name"] for tool in sent["session"]["tools"]] == ["weather"]


async def test_pain_24_a_first_connection_that_fails_leaves_nothing_behind() -> None:
    async with no_task_left():
        with pytest.raises(ConnectFailed):
            await converse("ws://127.0.0.1:1").__aenter__()


@asynccontextmanager
async def transcriber(paths: list[str], sent: asyncio.Queue[dict[str, Any]]) -> AsyncGenerator[str, None]:
    """A server like the hosted one, which refuses a transcription session with a model in its URL; yields its URL."""

    async def serve_one(socket: ServerConnection) -> None:
        assert socket.request is not None
        paths.append(socket.request.path)
        session = {"type": "transcription", "id": "sess_1", "object": "realtime.transcription_session"}
        await socket.send(json.dumps({"type": "session.created", "event_id": "e", "session": session}))
        with suppress(WebSocketClosed):
            async for message in socket:
                update = json.loads(message)
                await sent.put(update)
                session = {**session, "audio": update["session"].get("audio", {})}
                await socket.send(json.dumps({"type": "session.updated", "event_id": "e", "session": session}))

    async with serve(serve_one, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def test_a_transcription_session_has_its_model_in_its_configuration_and_not_in_its_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    paths: list[str] = []
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def in_a_thread(url: str) -> None:
        with blocking.converse(url, model="gpt-4o-transcribe", intent="transcription"):
            pass

    async with transcriber(paths, sent) as url, asyncio.timeout(5):
        async with converse(url, model="gpt-4o-transcribe", intent="transcription"):
            first = await sent.get()
        await asyncio.to_thread(in_a_thread, url)
        second = await sent.get()
    assert paths == ["/v1/realtime?intent=transcription"] * 2
    for update in (first, second):
        audio = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
        assert update["session"] == {"type": "transcription", "audio": audio}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_connect_leaves_the_model_to_the_application_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    paths: list[str] = []
    async with (
        transcriber(paths, asyncio.Queue()) as url,
        asyncio.timeout(5),
        connect(url, model="gpt-4o-transcribe", intent="transcription") as connection,
    ):
        await connection.receive()
    assert paths == ["/v1/realtime?intent=transcription"]
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "does not have the model gpt-4o-transcribe yet" in warning
    assert "audio.input.transcription" in warning
