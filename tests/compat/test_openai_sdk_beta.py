"""The SDK's client of the beta's time, which is still part of it, and the frames that clients older than it sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from duologue.events.base import encode_audio
from tests.compat._sdk import Form, sdk_session
from tests.compat._talkative import scripted
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]


@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_a_typed_turn_with_the_beta_client(form: Form) -> None:
    async with listening(scripted()) as url, sdk_session(url, form, beta=True) as sdk:
        events = await sdk.typed_turn("hi", modalities=["text"])
    [updated] = [event for event in events if event.type == "session.updated"]
    assert updated.session.modalities == ["text"]
    names = [event.type for event in events]
    assert "conversation.item.created" in names
    assert "conversation.item.added" not in names
    said = "".join(event.delta for event in events if event.type == "response.text.delta")
    assert said == events[-1].response.output[0].content[0].text == "This is a script."


async def answers(socket: ClientConnection, last: str) -> list[dict[str, Any]]:
    """Events up to the first of this type."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not events or events[-1]["type"] != last:
            events.append(json.loads(await socket.recv()))
    return events


async def test_a_spoken_turn_in_frames_of_the_beta() -> None:
    headers = {"Authorization": "Bearer open", "OpenAI-Beta": "realtime=v1"}
    async with listening(scripted()) as url, connect(url, additional_headers=headers) as socket:
        session = {
            "modalities": ["text", "audio"],
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
        }
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        updated = (await answers(socket, "session.updated"))[-1]["session"]
        for piece in (LOUD,) * 4 + (QUIET,) * 5:
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": encode_audio(piece * 100)}))
        events = await answers(socket, "response.done")
    assert {name: updated[name] for name in ("input_audio_format", "voice")} == {
        "input_audio_format": "pcm16",
        "voice": "alloy",
    }
    assert updated["turn_detection"]["silence_duration_ms"] == 300
    names = [event["type"] for event in events]
    assert {"conversation.item.created", "response.audio.delta", "response.audio_transcript.delta"} < set(names)
    assert not [name for name in names if "output_audio." in name or name == "conversation.item.added"]
    [spoken] = events[-1]["response"]["output"]
    assert spoken["content"][0]["type"] == "audio"
    assert spoken["content"][0]["transcript"] == "This is a script."
