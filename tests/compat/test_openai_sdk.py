"""The official Python SDK, unmodified, against our server: every event must be one that its own types allow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

from duologue.audio.wav import read_wav
from duologue.engines.registry import load_default
from duologue.errors import MissingExtra
from duologue.events.base import decode_audio, encode_audio
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

_TOLD_BY_EVERY_SERVER = {
    f"session.{event}.session.{name}" for event in ("created", "updated") for name in ("id", "object", "expires_at")
}
"""Fields that the hosted service sends too, and that the SDK's types leave out."""

# The SDK itself takes what comes; read by the type's name alone, nothing can pass as an event of another kind.
_STRICT: TypeAdapter[Any] = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])

SPEECH = Path(__file__).parents[2] / "src/duologue/cli/speech/question_arithmetic.wav"


def validated(event: Any) -> Any:
    """The event, if the SDK's own types allow it as it came, to the last field."""
    wire = event.to_dict(mode="json", use_api_names=True)
    _STRICT.validate_python(wire, strict=True)
    unknown = set(_unknown_fields(event, event.type)) - _TOLD_BY_EVERY_SERVER
    assert unknown == set(), f"fields that the SDK does not know: {unknown}"
    return event


def _unknown_fields(model: Any, path: str) -> list[str]:
    if isinstance(model, list):
        return [name for index, inner in enumerate(model) for name in _unknown_fields(inner, f"{path}[{index}]")]
    found = [f"{path}.{name}" for name in getattr(model, "model_extra", None) or {}]
    for name in getattr(type(model), "model_fields", {}):
        found += _unknown_fields(getattr(model, name), f"{path}.{name}")
    return found


def base_url(url: str) -> str:
    """What the SDK takes as its base: it adds `/realtime` and makes `ws` of `http` by itself."""
    return url.replace("ws://", "http://").removesuffix("/realtime")


@asynccontextmanager
async def sdk(url: str) -> AsyncGenerator[AsyncRealtimeConnection, None]:
    """A session of the SDK."""
    async with (
        AsyncOpenAI(base_url=base_url(url), api_key="open") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        yield connection


async def until(connection: AsyncRealtimeConnection, name: str, seconds: float = 20) -> list[Any]:
    """Validated events up to the first of this type."""
    events: list[Any] = []
    async with asyncio.timeout(seconds):
        while not events or events[-1].type != name:
            events.append(validated(await connection.recv()))
    return events


def scripted() -> RealtimeApp:
    return RealtimeApp(
        engines=scripted_app_engines(scripted_engines(hears=("what is this",), says=("This is a script.",))),
        api_key="open",
    )


async def test_a_text_turn() -> None:
    async with listening(scripted()) as url, sdk(url) as connection:
        [created] = await until(connection, "session.created")
        assert created.session.model == "gpt-realtime"
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await until(connection, "session.updated")
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
        )
        await connection.response.create()
        events = await until(connection, "response.done")
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "This is a script."
    assert events[-1].response.status == "completed"
    assert events[-1].response.output[0].content[0].text == "This is a script."


async def test_everything_that_a_session_can_bring_is_valid() -> None:
    async with listening(scripted()) as url, sdk(url) as connection:
        await connection.session.update(
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
            }
        )
        for piece in (LOUD * 400, QUIET * 700):
            await connection.input_audio_buffer.append(audio=encode_audio(piece))
        events = await until(connection, "response.done")
        item_id = next(event.item_id for event in events if event.type == "input_audio_buffer.committed")
        spoken_id = events[-1].response.output[0].id
        await connection.conversation.item.retrieve(item_id=item_id)
        await connection.conversation.item.retrieve(item_id=spoken_id)
        await connection.conversation.item.truncate(item_id=spoken_id, content_index=0, audio_end_ms=100)
        await connection.conversation.item.delete(item_id=item_id)
        for item in (
            {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
        ):
            await connection.conversation.item.create(item=item)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await connection.input_audio_buffer.clear()
        await connection.response.cancel()
        await until(connection, "error")
        await connection.response.create(
            response={"conversation": "none", "metadata": {"k": "v"}, "input": [], "max_output_tokens": 1}
        )
        incomplete = (await until(connection, "response.done"))[-1].response
        assert (incomplete.status, incomplete.metadata) == ("incomplete", {"k": "v"})
        await connection.response.create()
        await connection.response.cancel()
        await until(connection, "response.done")
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
            async with listening(application) as url, sdk(url) as connection:
                await connection.session.update(
                    session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
                )
                audio = pcm16 + bytes(48_000)
                for start in range(0, len(audio), 9600):
                    await connection.input_audio_buffer.append(audio=encode_audio(audio[start : start + 9600]))
                events = await until(connection, "response.done", seconds=50)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    heard = next(e.transcript for e in events if e.type == "conversation.item.input_audio_transcription.completed")
    assert "seven times eight" in heard.lower().replace("7", "seven").replace("8", "eight")
    spoken = b"".join(decode_audio(event.delta) for event in events if event.type == "response.output_audio.delta")
    assert len(spoken) > 24_000
    assert "56" in events[-1].response.output[0].content[0].transcript
    assert events[-1].response.status == "completed"


@contextmanager
def served_in_a_thread() -> Generator[str, None, None]:
    """The scripted server in a loop of its own, for a client that blocks."""
    ready, over = threading.Event(), threading.Event()
    urls: list[str] = []

    async def run() -> None:
        async with listening(scripted()) as url:
            urls.append(url)
            ready.set()
            await asyncio.to_thread(over.wait, 30)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        over.set()
        thread.join(15)
        assert not thread.is_alive()


def test_a_text_turn_with_the_client_that_blocks() -> None:
    with (
        served_in_a_thread() as url,
        OpenAI(base_url=base_url(url), api_key="open") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.response.create()
        events: list[Any] = []
        for event in connection:
            events.append(validated(event))
            if event.type == "response.done":
                break
    assert events[-1].response.output[0].content[0].text == "This is a script."


async def test_a_wrong_key_is_an_error_event_and_a_close() -> None:
    async with (
        listening(scripted()) as url,
        AsyncOpenAI(base_url=base_url(url), api_key="wrong") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        events: list[Any] = []
        with suppress(Exception):
            async with asyncio.timeout(5):
                async for event in connection:
                    events.append(validated(event))  # noqa: PERF401 - what came before the close counts
    assert [event.error.code for event in events] == ["invalid_api_key"]
