"""The official Python SDK's translation client, unmodified, against our server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.lib.realtime_translation import AsyncTranslationSession, TranslationSession
from openai.types.realtime import RealtimeTranslationSessionClosedEvent
from websockets.exceptions import ConnectionClosedOK

from duologue.events.base import encode_audio
from tests.compat._live_sdk import CHECKS, LiveSdk, live_sdk, sdk_client, sound, words
from tests.compat._sdk import Form, addresses
from tests.compat._talkative import interpreter
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

MODEL = "gpt-realtime-translate"
TRANSCRIBED = {"transcription": {"model": "gpt-realtime-whisper"}}
SPANISH: dict[str, Any] = {"audio": {"output": {"language": "es"}, "input": TRANSCRIBED}}
SPOKEN = (LOUD * 200,) * 3 + (QUIET * 200,) * 4
FORMS: tuple[Form, ...] = ("async", "blocking")


async def translated(sdk: LiveSdk) -> list[Any]:
    """Speak, close, and return the events up to the last."""
    for piece in SPOKEN:
        await sdk.call("session.input_audio_buffer.append", audio=encode_audio(piece))
    await sdk.call("session.close")
    return await sdk.until("session.closed")


@pytest.mark.parametrize("form", FORMS)
async def test_speech_is_translated_and_every_event_is_valid(form: Form) -> None:
    async with listening(interpreter()) as url, live_sdk(url, form, "translation", model=MODEL) as sdk:
        await sdk.until("session.created")
        await sdk.call("session.update", session=SPANISH)
        [updated] = await sdk.until("session.updated")
        events = await translated(sdk)
        with pytest.raises(ConnectionClosedOK):
            await sdk.receive()
    assert updated.session.audio.output.language == "es"
    assert words(events, "input") == "good morning"
    assert words(events, "output") == "buenos días"
    assert any(sound(events))


async def test_an_invalid_command_is_an_error_event_and_the_session_goes_on() -> None:
    async with listening(interpreter()) as url, live_sdk(url, "async", "translation", model=MODEL) as sdk:
        await sdk.until("session.created")
        await sdk.call("session.update", session={"audio": {"output": {"voice": "marin"}}}, event_id="mine")
        refused = (await sdk.until("error"))[-1]
        events = await translated(sdk)
    assert refused.error.event_id == "mine"
    assert words(events, "output") == "buenos días"


async def test_the_managed_session_ends_with_the_last_of_the_translation() -> None:
    events: list[Any] = []
    async with (
        listening(interpreter()) as url,
        AsyncOpenAI(**addresses(url), api_key="open") as client,
        AsyncTranslationSession(client.realtime.translations, model=MODEL) as session,
        asyncio.timeout(20),
    ):
        for piece in SPOKEN:
            await session.send({"type": "session.input_audio_buffer.append", "audio": encode_audio(piece)})
        await session.send({"type": "session.close"})
        while not events or not isinstance(events[-1], RealtimeTranslationSessionClosedEvent):
            events.append(await session.recv())
    assert words(events, "output") == "buenos días"


async def test_the_blocking_managed_session_does_too() -> None:
    def converse(url: str) -> list[Any]:
        events: list[Any] = []
        with (
            OpenAI(**addresses(url), api_key="open") as client,
            TranslationSession(client.realtime.translations, model=MODEL) as session,
        ):
            for piece in SPOKEN:
                session.send({"type": "session.input_audio_buffer.append", "audio": encode_audio(piece)})
            session.send({"type": "session.close"})
            while not events or not isinstance(events[-1], RealtimeTranslationSessionClosedEvent):
                events.append(session.recv(timeout=20))
        return events

    async with listening(interpreter()) as url:
        assert words(await asyncio.to_thread(converse, url), "output") == "buenos días"


@pytest.mark.parametrize("form", FORMS)
async def test_a_client_secret_opens_a_session_that_is_configured(form: Form) -> None:
    async with listening(interpreter()) as url:
        async with sdk_client(url, form) as client:
            create = client.realtime.translations.client_secrets.create
            session = {"model": MODEL, "audio": {"output": {"language": "es"}}}
            secret = await (create(session=session) if form == "async" else asyncio.to_thread(create, session=session))
        CHECKS["translation"](
            {"type": "session.created", "event_id": "e", "session": json.loads(secret.session.to_json())}
        )
        async with live_sdk(url, form, "translation", model=MODEL, key=secret.value) as sdk:
            [created] = await sdk.until("session.created")
            events = await translated(sdk)
    assert created.session.audio.output.language == "es"
    assert words(events, "output") == "buenos días"
