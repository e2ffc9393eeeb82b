"""A client in one vendor's order of commands, an upstream in another's, and our relay in between."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue import connect, converse
from duologue.client import Connection
from duologue.dialects import PROFILES
from duologue.events import (
    AudioTranscription,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
)
from duologue.notices import UserTranscript
from duologue.server import ServerSession
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport
from tests.server._engines import LOUD
from tests.server._relays import relayed, reported

pytestmark = pytest.mark.timeout(30)

Frame = dict[str, Any]


async def send(end: MemoryTransport, name: str, **fields: Any) -> None:
    await end.send(json.dumps({"type": name, **fields}))


async def until(end: MemoryTransport, *names: str) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or frames[-1]["type"] not in names:
        frames.append(await reported(end))
    return frames


async def say(end: MemoryTransport, ms: int = 300) -> None:
    for _ in range(ms // 100):
        await send(end, "input_audio_buffer.append", audio=b64encode(LOUD * 100).decode())


@asynccontextmanager
async def served(upstream_dialect: str, dialect: str, *, model: str) -> AsyncGenerator[MemoryTransport]:
    """A client's end of a relay, behind which a session of ours serves the upstream's dialect."""
    async with relayed(upstream_dialect, dialect, model=model) as (client, upstream):
        transcribes = not (PROFILES[upstream_dialect].output_rates_hz and PROFILES[dialect].output_rates_hz)
        start = SessionStart(dialect=upstream_dialect, model=model, kind="transcription" if transcribes else "realtime")
        engines = scripted_engines(transcripts=("first words", "second words"), responses=("An answer.",))
        serving = asyncio.ensure_future(ServerSession(upstream, engines, session_start=start).run())
        yield client
        await client.close()
        await asyncio.wait_for(serving, 5)


@pytest.mark.parametrize("upstream", ["openai", "openai-beta", "qwen", "speaches"])
async def test_a_client_of_vllm_behind_a_relay(upstream: str) -> None:
    async with served(upstream, "vllm", model="m") as client:
        await until(client, "session.created")
        await send(client, "session.update", model="m")
        for text in ("first words", "second words"):
            await send(client, "input_audio_buffer.commit")
            await say(client)
            await send(client, "input_audio_buffer.commit", final=True)
            frames = await until(client, "transcription.done", "error")
            assert frames[-1]["type"] != "error", frames
            assert {frame["type"] for frame in frames} == {"transcription.delta", "transcription.done"}
            assert frames[-1]["text"] == text


@pytest.mark.parametrize("upstream", ["openai", "openai-beta"])
async def test_a_client_of_vllm_omni_gets_its_answer(upstream: str) -> None:
    async with served(upstream, "vllm-omni", model="m") as client:
        await send(client, "session.update", model="m")
        await send(client, "input_audio_buffer.commit")
        await say(client)
        await send(client, "input_audio_buffer.commit", final=True)
        frames = await until(client, "response.audio.done", "error")
        assert frames[-1]["type"] == "response.audio.done"


async def received(end: MemoryTransport, *, ends: int) -> list[Frame]:
    """What an upstream gets, up to the end of so many utterances; audio in a row counts once."""
    frames: list[Frame] = []
    while sum(frame.get("final") is True for frame in frames) < ends:
        frame = await reported(end)
        if frame["type"] != "input_audio_buffer.append" or frames[-1]["type"] != frame["type"]:
            frames.append(frame)
    return frames


TRANSCRIBES = {"type": "transcription", "audio": {"input": {"transcription": {"model": "m"}, "turn_detection": None}}}


async def test_a_client_of_the_hosted_service_before_vllm() -> None:
    async with served("vllm", "openai", model="voxtral") as client:
        await until(client, "session.created")
        await send(client, "session.update", session=TRANSCRIBES)
        for text in ("first words", "second words"):
            await say(client)
            await send(client, "input_audio_buffer.commit")
            completed = "conversation.item.input_audio_transcription.completed"
            frames = await until(client, completed, "error")
            assert frames[-1].get("transcript") == text


async def test_a_client_is_answered_where_the_upstream_answers_nothing() -> None:
    completed = "conversation.item.input_audio_transcription.completed"
    async with served("vllm", "openai", model="voxtral") as client:
        await until(client, "session.created")
        await send(client, "session.update", session=TRANSCRIBES)
        [*_, updated] = await until(client, "session.updated", "error")
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        item_ids: set[str] = set()
        for _ in range(2):
            await say(client)
            await send(client, "input_audio_buffer.commit")
            frames = await until(client, completed, "error")
            (committed,) = [frame for frame in frames if frame["type"] == "input_audio_buffer.committed"]
            assert {frame["item_id"] for frame in frames} == {committed["item_id"]}
            assert all(frame["event_id"] for frame in frames)
            item_ids.add(committed["item_id"])
        assert len(item_ids) == 2


async def test_an_update_before_the_session_is_answered_behind_it() -> None:
    async with relayed("vllm", "openai", model="voxtral") as (client, upstream):
        await send(client, "session.update", session=TRANSCRIBES)
        await reported(upstream)
        await reported(upstream)
        await send(upstream, "session.created", id="sess-1", created=1790000000)
        created, updated = [await reported(client) for _ in range(2)]
        assert [created["type"], updated["type"]] == ["session.created", "session.updated"]
        assert updated["session"]["id"] == "sess-1"
        assert updated["session"]["audio"]["input"]["turn_detection"] is None


async def test_our_client_talks_to_vllm_through_a_relay_as_to_any_server() -> None:
    config = TranscriptionSessionConfig(
        audio=TranscriptionSessionAudio(
            input=TranscriptionSessionAudioInput(transcription=AudioTranscription(model="voxtral"), turn_detection=None)
        )
    )
    async with served("vllm", "openai", model="voxtral") as client:

        @asynccontextmanager
        async def open_connection() -> AsyncGenerator[Connection]:
            async with connect(transport=client, dialect="openai") as connection:
                yield connection

        async with (
            converse(open_connection=open_connection) as conversation,
            conversation.stream(UserTranscript) as transcripts,
        ):
            await conversation.update_session(config)
            for text in ("first words", "second words"):
                await conversation.send_audio(LOUD * 300)
                await conversation.finish(timeout=5)
                assert (await anext(aiter(transcripts))).transcript == text


async def test_what_the_upstream_gets_is_its_own_order() -> None:
    async with relayed("vllm", "openai", model="voxtral") as (client, upstream):
        await send(client, "session.update", session={**TRANSCRIBES, "audio": {"input": {"turn_detection": None}}})
        await say(client, 100)
        await send(client, "input_audio_buffer.commit")
        await say(client, 100)  # of the next utterance: it waits
        await send(client, "input_audio_buffer.commit")
        seen = await received(upstream, ends=1)
        await send(upstream, "transcription.done", text="first", usage=None)
        seen += await received(upstream, ends=1)
        assert [(frame["type"], frame.get("model"), frame.get("final")) for frame in seen] == [
            ("session.update", "voxtral", None),
            ("session.update", "voxtral", None),
            ("input_audio_buffer.commit", None, None),
            ("input_audio_buffer.append", None, None),
            ("input_audio_buffer.commit", None, True),
            ("input_audio_buffer.commit", None, None),
            ("input_audio_buffer.append", None, None),
            ("input_audio_buffer.commit", None, True),
        ]


FLAT = {"modalities": ["text"], "input_audio_transcription": {"model": "m"}}


@pytest.mark.parametrize("upstream", ["openai", "openai-beta", "vllm"])
@pytest.mark.parametrize(
    ("dialect", "model", "command", "answer"),
    [
        ("qwen", "qwen3-asr-flash-realtime", "session.finish", "session.finished"),
        ("sglang", "any", "session.close", "session.closed"),
        ("speaches", "any", "session.close", "session.closed"),
    ],
)
async def test_the_end_of_all_audio_is_answered_when_all_is_told(
    upstream: str, dialect: str, model: str, command: str, answer: str
) -> None:
    async with served(upstream, dialect, model=model) as client:
        await until(client, "session.created")
        await send(client, "session.update", session={**FLAT, "turn_detection": None})
        if upstream != "vllm":  # which confirms no update
            await until(client, "session.updated", "error")
        await say(client)
        await send(client, command)
        frames = await until(client, answer, "error")
        assert frames[-1]["type"] == answer
        assert [frame["transcript"] for frame in frames if frame["type"].endswith("completed")] == ["first words"]


@pytest.mark.parametrize("upstream", ["openai", "openai-beta"])
@pytest.mark.parametrize("manual", [True, False])
async def test_the_end_of_no_audio_is_answered_at_once(upstream: str, manual: bool) -> None:
    async with served(upstream, "qwen", model="qwen3-asr-flash-realtime") as client:
        await until(client, "session.created")
        if manual:
            await send(client, "session.update", session={**FLAT, "turn_detection": None})
            await until(client, "session.updated")
        await send(client, "session.finish")
        assert [frame["type"] for frame in await until(client, "session.finished", "error")] == ["session.finished"]
