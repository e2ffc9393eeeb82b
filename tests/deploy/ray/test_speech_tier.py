"""Speech engines as deployments, with answers as Ray's handles give them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from duologue.deploy.ray.speech_tier import RaySynthesizer, RayTranscriber, SpeechTier, stand_ins, transcripts_of
from duologue.errors import EngineError


class Asked:
    """Answers of a deployment, as Ray's handles give them."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.cancelled = False

    def options(self, **_: object) -> Asked:
        return self

    @property
    def traits(self) -> Asked:
        return Asked(answered(TRAITS))

    @property
    def transcribe(self) -> Asked:
        return self

    @property
    def synthesize(self) -> Asked:
        return self

    def remote(self, *_: object) -> Asked:
        return self

    def cancel(self) -> None:
        self.cancelled = True

    def __await__(self) -> Any:
        return self.answer.__await__()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for piece in self.answer:
            yield piece


async def answered(answer: object) -> object:
    return answer


TRAITS = {"name": "moonshine", "sample_rate_hz": 16_000, "voices": ["af_heart"]}


async def test_a_transcript_comes_back_and_a_failure_is_the_engine_s() -> None:
    right = RayTranscriber(Asked(answered((True, "Hello."))), TRAITS, at_once=8)
    assert [piece async for piece in right.transcribe(b"")] == ["Hello."]
    wrong = RayTranscriber(Asked(answered((False, "no memory"))), TRAITS, at_once=8)
    with pytest.raises(EngineError, match="no memory"):
        _ = [piece async for piece in wrong.transcribe(b"")]


async def test_an_interrupted_request_is_withdrawn() -> None:
    asked = Asked(asyncio.Event().wait())
    listening = asyncio.ensure_future(anext(RayTranscriber(asked, TRAITS, at_once=8).transcribe(b"")))
    await asyncio.sleep(0)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert asked.cancelled

    said = Asked([b"one", b"two"])
    speech = RaySynthesizer(said, TRAITS).synthesize("Hello.", voice="af_heart")
    assert await anext(speech) == b"one"
    await speech.aclose()
    assert said.cancelled


async def test_what_ray_raises_is_the_engine_s_failure() -> None:
    async def broken() -> object:
        raise RuntimeError("the traceback of another process")

    with pytest.raises(EngineError, match="its deployment failed: RuntimeError") as failed:
        _ = [piece async for piece in RayTranscriber(Asked(broken()), TRAITS, at_once=8).transcribe(b"")]
    assert "traceback" not in str(failed.value)


async def test_a_failure_while_speaking_is_the_engine_s() -> None:
    speech = RaySynthesizer(Asked([b"one", "no such voice"]), TRAITS).synthesize("Hello.", voice="af_heart")
    assert await anext(speech) == b"one"
    with pytest.raises(EngineError, match="moonshine: no such voice"):
        await anext(speech)


async def test_engines_say_what_those_in_the_deployments_are() -> None:
    asked: list[tuple[str, str]] = []

    def handle_of(name: str, *, app_name: str) -> Asked:
        asked.append((name, app_name))
        return Asked(None)

    transcriber, synthesizer = await stand_ins(handle_of, SpeechTier(batch=4, replicas=2))
    assert asked == [("transcriber", "duologue"), ("synthesizer", "duologue")]
    assert (transcriber.name, transcriber.sample_rate_hz, transcriber.at_once) == ("moonshine", 16_000, 8)
    assert synthesizer.voices == ("af_heart",)


class Several:
    """Transcribes a batch at once, or one by one."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def transcribe(self, pcm16: bytes, /, *, language: str | None, prompt: str | None) -> AsyncGenerator[str]:
        if not pcm16:
            raise EngineError("no audio", engine="several")
        yield f"{len(pcm16)}"
        yield f" {language}"


class SeveralAtOnce(Several):
    async def transcribe_batch(self, utterances: Sequence[tuple[bytes, str | None, str | None]]) -> list[str]:
        self.batches.append(len(utterances))
        if not utterances[0][0]:
            raise EngineError("no audio", engine="several")
        return [f"{len(pcm16)}" for pcm16, _, _ in utterances]


async def test_one_utterance_that_fails_leaves_the_others_of_its_batch() -> None:
    heard = await transcripts_of(Several(), [(b"ab", "en", None), (b"", None, None)])
    assert heard == [(True, "2 en"), (False, "several: no audio")]


async def test_an_engine_that_takes_a_batch_gets_it_whole() -> None:
    engine = SeveralAtOnce()
    assert await transcripts_of(engine, [(b"ab", None, None), (b"abc", None, None)]) == [(True, "2"), (True, "3")]
    assert engine.batches == [2]
    assert await transcripts_of(engine, [(b"", None, None)] * 2) == [(False, "several: no audio")] * 2
