"""Live with the engines that come with the package, and recorded speech. The sound decides the time that passes."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import duologue.cli
from duologue.audio.resampling import resample
from duologue.audio.wav import read_wav
from duologue.engines.registry import Engines, load_default
from duologue.engines.worker import Worker
from tests.repo._tree import ROOT
from tests.server.live._caller import Caller, staged

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("idle_clock")]

QUESTION = Path(duologue.cli.__file__).parent / "speech" / "question_time.wav"
SENTENCE = ROOT / "tests" / "speech" / "librivox_0920.wav"


def compute_at_once(worker: Worker, compute: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """In place of a thread, for which the clock would not wait."""
    job: Future[Any] = Future()
    try:
        job.set_result(compute(*arguments))
    except Exception as fault:
        job.set_exception(fault)
    return job


@pytest_asyncio.fixture
async def engines(idle_clock: None, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Engines]:
    monkeypatch.setattr(Worker, "_submit", compute_at_once)
    async with load_default() as loaded:
        yield loaded


def pcm(path: Path) -> bytes:
    """A recording, at the rate of the session."""
    sound = read_wav(path)
    return resample(sound.pcm16, sound.rate_hz, 24_000)


async def say(caller: Caller, pcm16: bytes) -> None:
    for start in range(0, len(pcm16), 4_800):
        await caller.pieces(pcm16[start : start + 4_800].ljust(4_800, b"\0"))


def loud_ms(pcm16: bytes, threshold: int) -> list[int]:
    """Where there is sound, in steps of 10 ms."""
    samples = array("h", pcm16)
    steps = range(len(samples) // 240)
    return [10 * n for n in steps if max(map(abs, samples[n * 240 : (n + 1) * 240])) > threshold]


async def a_recorded_question_is_answered_aloud(engines: Engines) -> None:
    async with staged(engines) as stage:
        caller = stage.call()
        await caller.start()
        await say(caller, pcm(QUESTION))
        await caller.listen(4_000)
        assert "time is it" in caller.said("input").lower()
        assert caller.said().startswith("It is ")
        assert len(loud_ms(caller.heard, 300)) > 50
        assert caller.all("session.delegation.created") == []


async def a_sentence_that_no_intent_answers_is_delegated_and_its_commentary_is_heard(engines: Engines) -> None:
    async with staged(engines) as stage:
        caller = stage.call()
        await caller.start()
        await say(caller, pcm(SENTENCE))
        created = await caller.listen_until("session.delegation.created")
        assert loud_ms(caller.heard, 0) == []
        await caller.send(
            "session.commentary.append", delegation_id=created["delegation"]["id"], content="It comes on Tuesday."
        )
        await caller.listen(4_000)
        assert caller.said().strip() == "It comes on Tuesday."
        assert len(loud_ms(caller.heard, 300)) > 50


async def the_voice_is_silent_300_ms_after_the_user_s_first_word(engines: Engines) -> None:
    voice = engines.synthesizer
    asked = b"".join([piece async for piece in voice.synthesize("Count from one to fifty.", voice=voice.voices[0])])
    async with staged(engines) as stage:
        caller = stage.call()
        await caller.start()
        await say(caller, resample(asked, voice.sample_rate_hz, 24_000))
        await caller.listen(4_000)
        spoke_ms = loud_ms(pcm(SENTENCE), 600)[0] + caller.spoken_ms
        await say(caller, pcm(SENTENCE)[: 48_000 * 3])
        heard = [at for at in loud_ms(caller.heard, 0) if at < spoke_ms + 2_500]
        assert heard[-1] > spoke_ms - 200, "the voice was counting when the user began"
        assert heard[-1] + 10 <= spoke_ms + 300


async def test_speech_is_answered_delegated_and_talked_over(engines: Engines) -> None:
    """In one test: the engines take seconds to load."""
    await a_recorded_question_is_answered_aloud(engines)
    await a_sentence_that_no_intent_answers_is_delegated_and_its_commentary_is_heard(engines)
    await the_voice_is_silent_300_ms_after_the_user_s_first_word(engines)
