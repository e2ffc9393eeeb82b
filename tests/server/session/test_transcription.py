"""What is read when, seen from a transcriber that reads only when the test lets it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from duologue.engines.fair_queue import FairQueue, Priority
from duologue.engines.scripted import ScriptedEndOfTurn
from duologue.errors import EngineError
from duologue.events import InputAudioBufferAppendEvent
from duologue.testing import scripted_engines
from tests.server._manual_sessions import FRAME_MS, LOUD, ManualSession, ManualTranscriber, manual_session

COMPLETED = "transcription.completed"
DELTA = "transcription.delta"


# --- while it is spoken


async def test_speech_is_transcribed_as_it_grows_and_sent_as_far_as_it_is_certain() -> None:
    async with manual_session() as it:
        await it.say(600)
        assert it.readings_ms() == []
        await it.nap()
        await it.reads("He was", ms=600)
        await it.say(400)
        await it.nap()
        await it.reads("He was not", ms=1000)
        assert it.reported(DELTA, "delta") == ["He was"]


async def test_guesses_take_a_third_of_a_core_at_most() -> None:
    async with manual_session() as it:
        await it.say(400)
        for cost_s in (0.05, 0.4, 2.0):
            await it.say(100)
            await it.nap()
            await it.reads("words", cost_s=cost_s)
        assert it.naps_s == pytest.approx([0.3, 0.3, 0.8, 4.0])


async def test_nothing_new_and_nothing_said_is_not_read_again() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.nap()
        await it.reads("words")
        await it.nap()
        assert it.readings_ms() == []
        await it.pause(100)
        await it.nap()
        assert it.readings_ms() == []


async def test_a_guess_that_fails_is_no_fault_of_the_session() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.nap()
        await it.fails(EngineError("no ears today", engine="manual"))
        await it.nap()
        await it.pause(520)
        await it.reads("All is well.")
        assert it.reported(COMPLETED, "transcript") == ["All is well."]


async def test_a_guess_that_waited_reads_what_is_new_when_its_turn_comes() -> None:
    fair_queue = FairQueue(1)
    async with manual_session(fair_queue=fair_queue) as it:
        async with fair_queue.place("another session", Priority.FINAL):
            await it.say(400)
            await it.nap()
            await it.say(600)
            assert it.readings_ms() == []
        await it.settle()
        assert it.readings_ms() == [1000]


async def test_an_engine_that_costs_by_the_call_is_asked_once() -> None:
    async with manual_session() as it:
        it._transcription._repeatable = False
        await it.say(400)
        await it.pause(300)
        assert it.naps_s == it.readings_ms() == []
        await it.pause(220)
        await it.reads("once", ms=900)
        assert it.reported(COMPLETED, "transcript") == ["once"]


# --- when it pauses


async def test_a_pause_is_read_ahead_and_taken_when_the_turn_ends() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.reads("Hello there.", ms=600)
        assert it.reported(COMPLETED, "transcript") == []
        await it.pause(300)
        assert it.readings_ms() == []
        assert it.reported(COMPLETED, "transcript") == ["Hello there."]
        assert "".join(it.reported(DELTA, "delta")) == "Hello there."


async def test_a_turn_that_ends_while_its_pause_is_being_read_waits_for_that() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(520)
        assert it.readings_ms() == [600]
        await it.reads("Hello there.")
        assert it.reported(COMPLETED, "transcript") == ["Hello there."]


async def test_speech_after_a_pause_drops_what_was_read_ahead() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        assert it.readings_ms() == [600]
        await it.say(100)
        assert it.readings_ms() == []
        await it.pause(520)
        await it.reads("Hello there, you.", ms=900)
        assert it.reported(COMPLETED, "transcript") == ["Hello there, you."]


async def test_what_was_read_ahead_of_the_first_pause_is_not_the_transcript_of_the_second() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.reads("Hello.")
        await it.say(100)
        await it.pause(520)
        await it.reads("Hello there.", ms=900)
        assert it.reported(COMPLETED, "transcript") == ["Hello there."]


@pytest.mark.parametrize("silence_ms", [20, 100, 180, 200, 220])
async def test_a_short_silence_is_enough(silence_ms: int) -> None:
    async with manual_session() as it:
        await it.update(turn_detection={"type": "server_vad", "silence_duration_ms": silence_ms})
        await it.say(400)
        await it.pause(240)
        await it.reads("All of it.")
        assert it.readings_ms() == []
        assert it.reported(COMPLETED, "transcript") == ["All of it."]


async def test_reading_ahead_that_has_not_begun_when_the_turn_ends_becomes_urgent() -> None:
    fair_queue = FairQueue(1)
    async with manual_session(fair_queue=fair_queue) as it:
        async with fair_queue.place("another session", Priority.FINAL):
            await it.say(400)
            await it.pause(520)
        await it.settle()
        assert it.readings_ms() == [900]
        await it.reads("At last.")
        assert it.reported(COMPLETED, "transcript") == ["At last."]


async def test_a_pause_that_noise_interrupts_again_and_again_is_not_read_again_and_again() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.reads("Hello.", cost_s=0.5)
        await it.say(20)
        await it.pause(200)
        assert it.readings_ms() == []
        assert it.naps_s[-1] == pytest.approx(2 * 0.5 - 0.5 - 0.22)
        await it.nap()
        assert it.readings_ms() == [820]


async def test_a_turn_that_ends_before_its_pause_may_be_read_again_is_read_at_once() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.reads("Hello.", cost_s=0.5)
        await it.say(20)
        await it.pause(520)
        assert it.readings_ms() == [1120]
        await it.reads("Hello you.")
        assert it.reported(COMPLETED, "transcript") == ["Hello you."]


async def test_reading_ahead_that_fails_is_done_again_at_the_end() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.fails(EngineError("a hiccup", engine="manual"))
        await it.pause(320)
        await it.reads("Well again.", ms=900)
        assert it.reported(COMPLETED, "transcript") == ["Well again."]


async def test_a_commit_in_the_middle_of_speech_reads_all_of_it() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.nap()
        await it.send("input_audio_buffer.commit")
        await it.reads("Half a", ms=400)
        assert it.reported(COMPLETED, "transcript") == ["Half a"]
        await it.nap()
        assert it.readings_ms() == []


async def test_a_turn_that_is_cleared_leaves_nothing_to_read() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.pause(200)
        await it.send("input_audio_buffer.clear")
        assert it.readings_ms() == []
        await it.nap()
        assert it.readings_ms() == []


# --- long turns


async def test_a_long_stretch_before_a_pause_is_read_once_and_only_what_follows_from_then_on() -> None:
    async with manual_session() as it:
        await it.say(9000)
        await it.pause(200)
        await it.reads("First half.", ms=9200)
        await it.say(1000)
        await it.nap()
        await it.reads("Second", ms=1000)
        await it.pause(200)
        await it.reads("Second half.", ms=1200)
        await it.pause(320)
        assert it.reported(COMPLETED, "transcript") == ["First half. Second half."]
        assert "".join(it.reported(DELTA, "delta")) == "First half. Second half."


async def test_a_long_stretch_that_is_still_being_read_when_speech_goes_on_is_waited_for() -> None:
    async with manual_session() as it:
        await it.say(9000)
        await it.pause(200)
        await it.say(1000)
        await it.nap()
        await it.pause(520)
        assert it.readings_ms() == [9200]
        await it.reads("First half.")
        await it.reads("Second half.", ms=1500)
        assert it.reported(COMPLETED, "transcript") == ["First half. Second half."]
        assert "".join(it.reported(DELTA, "delta")) == "First half. Second half."


async def test_a_guess_that_is_overtaken_by_the_end_of_a_long_stretch_is_dropped() -> None:
    async with manual_session() as it:
        await it.say(9000)
        await it.nap()
        await it.pause(200)
        assert it.readings_ms() == [9000, 9200]
        guess, stretch = it.transcriber.readings
        stretch[1].set_result("First half.")
        await it.settle()
        await it.say(1000)
        guess[1].set_result("First half.")
        await it.settle()
        await it.nap()
        await it.reads("Second half", ms=1000)
        await it.pause(520)
        await it.reads("Second half.")
        assert it.reported(COMPLETED, "transcript") == ["First half. Second half."]
        assert "".join(it.reported(DELTA, "delta")) == "First half. Second half."


async def test_a_long_stretch_whose_judgement_is_dropped_is_kept_all_the_same() -> None:
    async with manual_session(end_of_turn=ScriptedEndOfTurn([1.0], sample_rate_hz=24_000)) as it:
        await it.update(turn_detection={"type": "semantic_vad"})
        await it.say(9000)
        await it.pause(200)
        await it.say(1000)
        assert it.readings_ms() == [9200]
        await it.reads("First half,", cost_s=0)
        await it.pause(200)
        await it.nap()
        await it.reads("second half.", ms=1200)
        await it.pause(200)
        assert it.reported(COMPLETED, "transcript") == ["First half, second half."]


async def test_a_long_stretch_that_cannot_be_read_is_read_with_the_rest() -> None:
    async with manual_session() as it:
        await it.say(9000)
        await it.pause(200)
        await it.say(1000)
        await it.fails(EngineError("a hiccup", engine="manual"))
        await it.pause(520)
        await it.reads("All of it.")
        assert it.reported(COMPLETED, "transcript") == ["All of it."]


# --- several at once


async def test_an_item_that_is_no_turn_is_transcribed_during_the_turn() -> None:
    async with manual_session() as it:
        await it.say(400)
        audio = InputAudioBufferAppendEvent.from_audio(LOUD * 20).to_json()["audio"]
        content = [{"type": "input_audio", "audio": audio}]
        await it.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await it.reads("An old recording.", ms=400)
        await it.pause(200)
        await it.reads("Hello.", ms=600)
        await it.pause(320)
        assert it.reported(COMPLETED, "transcript") == ["An old recording.", "Hello."]


async def test_a_session_that_commits_fifty_items_does_not_keep_another_waiting() -> None:
    fair_queue, transcriber = FairQueue(1), ManualTranscriber()
    engines = replace(scripted_engines(), transcriber=transcriber, fair_queue=fair_queue)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        greedy, other = (ManualSession(tasks, engines, transcriber, name) for name in ("greedy", "other"))
        for session in (greedy, other):
            await session.update(turn_detection=None)
        for _ in range(50):
            await greedy.say(FRAME_MS, frame=LOUD * 5)
            await greedy.send("input_audio_buffer.commit")
        await other.say(200)
        await other.send("input_audio_buffer.commit")
        await greedy.reads("one of many", ms=100)
        await greedy.reads("another of many", ms=100)
        await other.reads("the only one", ms=200)
        assert other.reported(COMPLETED, "transcript") == ["the only one"]
        assert len(greedy.reported(COMPLETED, "transcript")) == 2
        for session in (greedy, other):
            session.stop()


async def test_a_transcript_that_fails_is_a_fault_for_the_caller() -> None:
    async with manual_session() as it:
        await it.say(400)
        await it.send("input_audio_buffer.commit")
        await it.fails(EngineError("no ears today", engine="manual"))
        assert [str(fault) for fault in it.faults] == ["manual: no ears today"]


# --- turns that end by their words


async def test_a_pause_is_judged_by_its_words_and_the_turn_ends_when_they_are_complete() -> None:
    end_of_turn = ScriptedEndOfTurn([0.0, 1.0], sample_rate_hz=24_000)
    async with manual_session(end_of_turn=end_of_turn) as it:
        await it.update(turn_detection={"type": "semantic_vad"})
        await it.say(400)
        await it.pause(200)
        await it.reads("I would like")
        await it.pause(600)
        assert it.reported("speech_stopped", "item_id") == []
        await it.say(400)
        await it.pause(400)
        await it.reads("I would like a pizza.")
        assert end_of_turn.transcripts == ["I would like", "I would like a pizza."]
        assert len(it.reported("speech_stopped", "item_id")) == 1
        assert it.reported(COMPLETED, "transcript") == ["I would like a pizza."]
        assert it.readings_ms() == []


class BrokenEndOfTurn(ScriptedEndOfTurn):
    """Always fails."""

    async def completeness(self, pcm16: bytes, transcript: str, /) -> float:
        raise EngineError("no idea", engine="broken")


@pytest.mark.parametrize("end_of_turn", [None, BrokenEndOfTurn()], ids=["none", "broken"])
async def test_without_a_judgement_a_turn_ends_between_the_shortest_and_the_longest_wait(
    end_of_turn: ScriptedEndOfTurn | None,
) -> None:
    async with manual_session(end_of_turn=end_of_turn) as it:
        await it.update(turn_detection={"type": "semantic_vad"})
        await it.say(400)
        await it.pause(400)
        await it.reads("I would like a pizza.")
        assert it.reported("speech_stopped", "item_id") == []
        await it.pause(600)
        assert len(it.reported("speech_stopped", "item_id")) == 1
