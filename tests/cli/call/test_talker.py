"""Turns over a pair of transports in memory, against our server with scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

import duologue
from duologue.audio.wav import Sound
from duologue.cli.call.talker import SessionSettings, Talker
from duologue.cli.commands.demo import TURN_ORDER
from duologue.cli.errors import TurnFailed
from duologue.cli.turns.observations import Observation, Progress
from duologue.dialects import PROFILES
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedResponder, ScriptedSynthesizer, ScriptedTranscriber, detectors
from duologue.errors import ConnectionClosed
from duologue.protocol import SessionKind
from duologue.server import ServerSession
from duologue.server.session_start import SessionStart
from duologue.transports import memory_pair
from tests.cli.conftest import tone


class Seen:
    """What a talker reported."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.progress: list[Progress] = []


@asynccontextmanager
async def conversation(
    seen: Seen,
    *,
    transcripts: tuple[str, ...] = ("hello",),
    answers: tuple[str, ...] = ("Good day.",),
    timeout_s: float = 5.0,
    dialect: str = "openai",
) -> AsyncGenerator[Talker, None]:
    ours, theirs = memory_pair()
    engines = Engines(detectors(), ScriptedTranscriber(transcripts), ScriptedResponder(answers), ScriptedSynthesizer())
    async with asyncio.TaskGroup() as tasks:
        kind: SessionKind = "realtime" if PROFILES[dialect].output_rates_hz else "transcription"
        session_start = SessionStart(dialect=dialect, kind=kind)
        tasks.create_task(ServerSession(theirs, engines, session_start=session_start).run())
        async with (
            duologue.connect(transport=ours, model="a-model", dialect=dialect) as connection,
            Talker(
                connection, observe=seen.observations.append, watch=seen.progress.append, timeout_s=timeout_s
            ) as held,
        ):
            await held.start(SessionSettings())
            yield held


async def test_turns_follow_each_other_in_one_conversation() -> None:
    seen = Seen()
    async with conversation(seen, transcripts=("one", "two"), answers=("First.", "Second.")) as held:
        spoken = [await held.spoken_turn(tone(), paced=False) for _ in range(2)]
        typed = await held.typed_turn("three")
    assert [turn.words.user for turn in spoken] == ["one", "two"]
    assert [turn.words.server for turn in [*spoken, typed]] == ["First.", "Second.", "First."]
    for turn in spoken:
        received = iter(turn.event_types)
        assert [name for name in TURN_ORDER if name not in received] == []


async def test_a_pause_inside_a_clip_is_waited_through_to_the_last_answer() -> None:
    clip = Sound(tone(400).pcm16 + bytes(48 * 900) + tone(400).pcm16, 24_000)
    async with conversation(Seen(), transcripts=("before", "after")) as held:
        turn = await held.spoken_turn(clip, paced=False)
    assert turn.words.user == "before after"
    assert turn.event_types.count("input_audio_buffer.committed") == 2
    assert turn.answered


@pytest.mark.usefixtures("idle_clock")
async def test_latency_counts_from_the_last_speech_and_not_from_the_silence_behind_it() -> None:
    seen = Seen()
    clip = Sound(tone(200).pcm16 + bytes(48 * 300), 24_000)
    async with conversation(seen) as held:
        turn = await held.spoken_turn(clip, paced=True)
    latency_ms = turn.latency_ms("audio")
    # Speech ended at 200 ms; more than 500 ms of silence ended the turn, in the sixth tenth of a second.
    assert latency_ms == pytest.approx(600)


async def test_progress_has_the_position_and_the_level() -> None:
    seen = Seen()
    async with conversation(seen) as held:
        await held.spoken_turn(tone(250), paced=False)
    sent_ms = [progress.sent_ms for progress in seen.progress]
    assert sent_ms[:3] == [100, 200, 250]
    assert all(before <= after for before, after in pairwise(sent_ms))
    assert seen.progress[0].level_dbfs == pytest.approx(-11.7, abs=0.5)


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with conversation(Seen()):
            raise LookupError("mine")
    # One level for the group of this test, none for the conversation.
    assert [type(fault) for fault in caught.value.exceptions] == [LookupError]


async def test_a_close_ends_the_wait_at_once() -> None:
    ours, theirs = memory_pair()
    async with asyncio.timeout(5), duologue.connect(transport=ours) as connection:
        talk = Talker(connection, observe=lambda _: None, watch=lambda _: None, timeout_s=60)
        async with talk:
            await theirs.close(1001, "restart")
            with pytest.raises(ConnectionClosed, match="1001"):
                await talk.start(SessionSettings())


@pytest.mark.parametrize(("dialect", "last"), [("vllm", "completed"), ("vllm-omni", "response.output_audio.done")])
async def test_a_server_that_is_not_asked_for_responses_answers_when_the_clip_ends(dialect: str, last: str) -> None:
    seen = Seen()
    async with conversation(seen, dialect=dialect) as held:
        turn = await held.spoken_turn(tone(), paced=False)
        assert held.audio.input.rate_hz == 16_000
        with pytest.raises(TurnFailed, match="takes no text"):
            await held.typed_turn("three")
    assert turn.words.user == "hello"
    assert any(name.endswith(last) for name in turn.event_types)
    assert {each.event.type for each in seen.observations if each.direction == "sent"} <= {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
    }
