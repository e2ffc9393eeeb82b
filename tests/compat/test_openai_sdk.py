"""The official Python SDK, unmodified, against our server: every event must be one that its own types allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError

from duologue.audio.wav import read_wav
from duologue.engines.registry import load_default
from duologue.errors import MissingExtra
from duologue.events.base import decode_audio, encode_audio
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from tests.compat._sdk import sdk_session
from tests.compat._talkative import scripted
from tests.server._listening import listening

pytestmark = pytest.mark.timeout(60)

SPEECH = Path(__file__).parents[2] / "src/duologue/cli/speech/question_arithmetic.wav"


async def test_everything_that_a_session_can_bring_is_valid() -> None:
    async with listening(scripted()) as url, sdk_session(url, "async") as sdk:
        await sdk.call(
            "session.update",
            session={
                "type": "realtime",
                "instructions": "Be brief.",
                "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
                "tool_choice": "auto",
                "max_output_tokens": 500,
                "tracing": "auto",
                "audio": {
                    "input": {
                        "transcription": {"model": "whisper-1"},
                        "noise_reduction": {"type": "near_field"},
                        "turn_detection": {"type": "semantic_vad", "eagerness": "high"},
                    },
                    "output": {"voice": "marin", "speed": 1.1},
                },
            },
        )
        await sdk.speak()
        events = await sdk.until("response.done")
        item_id = next(event.item_id for event in events if event.type == "input_audio_buffer.committed")
        spoken_id = events[-1].response.output[0].id
        await sdk.call("conversation.item.retrieve", item_id=item_id)
        await sdk.call("conversation.item.retrieve", item_id=spoken_id)
        await sdk.call("conversation.item.truncate", item_id=spoken_id, content_index=0, audio_end_ms=100)
        await sdk.call("conversation.item.delete", item_id=item_id)
        for item in (
            {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
        ):
            await sdk.call("conversation.item.create", item=item)
        await sdk.call("input_audio_buffer.clear")
        await sdk.call("response.cancel")
        await sdk.until("error")
        await sdk.call(
            "response.create",
            response={"conversation": "none", "metadata": {"k": "v"}, "input": [], "max_output_tokens": 1},
        )
        incomplete = (await sdk.until("response.done"))[-1].response
        assert (incomplete.status, incomplete.metadata) == ("incomplete", {"k": "v"})
        await sdk.call("response.create")
        await sdk.call("response.cancel")
        await sdk.until("response.done")
    assert {event.type for event in events} > {
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.output_audio.delta",
    }


async def test_an_audio_turn_with_the_speech_engines_of_the_package() -> None:
    pcm16 = read_wav(SPEECH).at(24_000).pcm16
    try:
        async with load_default() as engines:
            application = RealtimeApp(engines=scripted_app_engines(engines))
            async with listening(application) as url, sdk_session(url, "async") as sdk:
                await sdk.call(
                    "session.update",
                    session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
                )
                audio = pcm16 + bytes(48_000)
                for start in range(0, len(audio), 9600):
                    await sdk.call("input_audio_buffer.append", audio=encode_audio(audio[start : start + 9600]))
                events = await sdk.until("response.done", seconds=50)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    heard = next(e.transcript for e in events if e.type == "conversation.item.input_audio_transcription.completed")
    assert "seven times eight" in heard.lower().replace("7", "seven").replace("8", "eight")
    spoken = b"".join(decode_audio(event.delta) for event in events if event.type == "response.output_audio.delta")
    assert len(spoken) > 24_000
    assert "56" in events[-1].response.output[0].content[0].transcript
    assert events[-1].response.status == "completed"


async def test_a_wrong_key_is_an_error_event_and_a_close() -> None:
    async with listening(scripted()) as url, sdk_session(url, "async", key="wrong") as sdk:
        [refused] = await sdk.until("error")
        assert refused.error.code == "invalid_api_key"
        with pytest.raises(ConnectionClosedError):
            await sdk.until("nothing more")
