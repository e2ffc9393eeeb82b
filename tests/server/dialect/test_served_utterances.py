"""A vendor's client sends its commands in its own order to our server, which serves that vendor's dialect."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.dialects import PROFILES
from duologue.errors import ConnectionClosed
from duologue.server import ServerSession
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests.server._engines import LOUD

pytestmark = pytest.mark.timeout(30)

Frame = dict[str, Any]


class Vendor:
    """A client that sends frames as they are and reads frames as they are."""

    def __init__(self, end: MemoryTransport) -> None:
        self._end = end

    async def send(self, name: str, **fields: Any) -> None:
        await self._end.send(json.dumps({"type": name, **fields}))

    async def say(self, ms: int = 300) -> None:
        for _ in range(ms // 100):
            await self.send("input_audio_buffer.append", audio=b64encode(LOUD * 100).decode())

    async def until(self, *names: str) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or frames[-1]["type"] not in names:
            frames.append(json.loads(await asyncio.wait_for(self._end.receive(), 5)))
        return frames

    async def closed(self) -> int:
        try:
            while True:
                await asyncio.wait_for(self._end.receive(), 5)
        except ConnectionClosed as closed:
            return closed.code


@asynccontextmanager
async def serving(dialect: str, *, model: str | None = None) -> AsyncGenerator[Vendor]:
    ours, theirs = memory_pair()
    kind: Any = "realtime" if PROFILES[dialect].output_rates_hz else "transcription"
    start = SessionStart(dialect=dialect, model=model, kind=kind)
    engines = scripted_engines(transcripts=("first words", "second words"), responses=("An answer.",))
    session = asyncio.ensure_future(ServerSession(theirs, engines, session_start=start).run())
    try:
        async with asyncio.timeout(10):
            yield Vendor(ours)
    finally:
        await ours.close()
        await asyncio.wait_for(session, 5)


def types(frames: list[Frame]) -> list[str]:
    return [frame["type"] for frame in frames]


# --- vLLM -------------------------------------------------------------------------------------------------------------


async def test_vllm_begins_with_an_empty_commit_and_ends_with_a_final_one() -> None:
    async with serving("vllm") as vendor:
        await vendor.until("session.created")
        await vendor.send("session.update", model="voxtral")
        await vendor.send("input_audio_buffer.commit")
        await vendor.say()
        await vendor.send("input_audio_buffer.commit", final=True)
        frames = await vendor.until("transcription.done", "error")
        assert set(types(frames)) == {"transcription.delta", "transcription.done"}
        assert frames[-1]["text"] == "first words"
        assert "".join(frame["delta"] for frame in frames[:-1]) == "first words"


async def test_audio_before_the_commit_that_begins_is_part_of_the_utterance() -> None:
    async with serving("vllm") as vendor:
        await vendor.send("session.update", model="voxtral")
        await vendor.say()
        await vendor.send("input_audio_buffer.commit", final=False)
        await vendor.send("input_audio_buffer.commit", final=True)
        frames = await vendor.until("transcription.done", "error")
        assert frames[-1]["text"] == "first words"


async def test_one_utterance_follows_another() -> None:
    async with serving("vllm") as vendor:
        await vendor.send("session.update", model="voxtral")
        for text in ("first words", "second words"):
            await vendor.send("input_audio_buffer.commit")
            await vendor.say()
            await vendor.send("input_audio_buffer.commit", final=True)
            frames = await vendor.until("transcription.done", "error")
            assert frames[-1]["text"] == text


async def test_silence_ends_no_utterance_of_vllm() -> None:
    async with serving("vllm") as vendor:
        await vendor.send("session.update", model="voxtral")
        await vendor.send("input_audio_buffer.commit")
        await vendor.say()
        for _ in range(20):
            await vendor.send("input_audio_buffer.append", audio=b64encode(bytes(3200)).decode())
        await vendor.say()
        await vendor.send("input_audio_buffer.commit", final=True)
        frames = await vendor.until("transcription.done")
        assert types(frames).count("transcription.done") == 1


async def test_an_utterance_without_audio_is_over_too() -> None:
    async with serving("vllm") as vendor:
        await vendor.send("session.update", model="voxtral")
        await vendor.send("input_audio_buffer.commit")
        await vendor.send("input_audio_buffer.commit", final=True)
        frames = await vendor.until("transcription.done", "error")
        assert frames[-1]["type"] == "transcription.done"


async def test_the_model_must_be_named_before_the_first_utterance() -> None:
    async with serving("vllm") as vendor:
        await vendor.send("input_audio_buffer.commit")
        [*_, refused] = await vendor.until("error")
        assert refused["code"] == "model_not_validated"
        assert "session.update" in refused["error"]
        await vendor.send("session.update", model="voxtral")
        await vendor.send("input_audio_buffer.commit")
        await vendor.say()
        await vendor.send("input_audio_buffer.commit", final=True)
        assert types(await vendor.until("transcription.done", "error"))[-1] == "transcription.done"


async def test_vllm_omni_answers_the_end_of_an_utterance() -> None:
    async with serving("vllm-omni") as vendor:
        await vendor.send("session.update", model="qwen-omni")
        await vendor.send("input_audio_buffer.commit")
        await vendor.say()
        await vendor.send("input_audio_buffer.commit", final=True)
        frames = await vendor.until("response.audio.done", "error")
        assert "response.audio.delta" in types(frames)
        assert "error" not in types(frames)


# --- a command for the end of all audio -------------------------------------------------------------------------------

FLAT_MANUAL = {"modalities": ["text"], "turn_detection": None, "input_audio_transcription": {"model": "m"}}


@pytest.mark.parametrize("model", ["qwen3-asr-flash-realtime", "qwen3-livetranslate-flash-realtime"])
@pytest.mark.parametrize("manual", [True, False])
async def test_qwen_finishes_its_input_and_is_told_when_all_is_told(model: str, manual: bool) -> None:
    async with serving("qwen", model=model) as vendor:
        session = FLAT_MANUAL if manual else {**FLAT_MANUAL, "turn_detection": {"type": "server_vad"}}
        await vendor.send("session.update", session=session)
        await vendor.until("session.updated")
        await vendor.say(600)
        await vendor.send("session.finish")
        frames = await vendor.until("session.finished", "error")
        assert frames[-1]["type"] == "session.finished"
        (completed,) = [frame for frame in frames if frame["type"].endswith("transcription.completed")]
        assert completed["transcript"] == "first words"


async def test_qwen_without_audio_is_finished_at_once() -> None:
    async with serving("qwen", model="qwen3-asr-flash-realtime") as vendor:
        await vendor.until("session.created")
        await vendor.send("session.finish")
        assert types(await vendor.until("session.finished", "error")) == ["session.finished"]


async def test_qwen_omni_rejects_the_command() -> None:
    async with serving("qwen", model="qwen3-omni-flash-realtime") as vendor:
        await vendor.send("session.finish", event_id="f")
        [*_, refused] = await vendor.until("error", "session.finished")
        assert (refused["type"], refused["error"]["event_id"]) == ("error", "f")


@pytest.mark.parametrize("dialect", ["sglang", "speaches"])
async def test_a_session_that_is_closed_by_a_command_tells_the_rest_first(dialect: str) -> None:
    async with serving(dialect) as vendor:
        await vendor.send("session.update", session=FLAT_MANUAL)
        await vendor.until("session.updated", "error")
        await vendor.say()
        await vendor.send("session.close")
        frames = await vendor.until("session.closed", "error")
        assert frames[-1]["type"] == "session.closed"
        assert any(frame["type"].endswith("transcription.completed") for frame in frames)
        assert await vendor.closed() == 1000


async def test_a_dialect_without_such_commands_rejects_them() -> None:
    async with serving("openai") as vendor:
        for name in ("session.finish", "session.close"):
            await vendor.send(name)
            assert types(await vendor.until("error"))[-1] == "error"
        await vendor.send("input_audio_buffer.commit")
        [*_, refused] = await vendor.until("error")
        assert refused["error"]["code"] == "input_audio_buffer_commit_empty"
