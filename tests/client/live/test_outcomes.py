"""Callers that wait for the answer to a command, and the log of what no caller gets."""

from __future__ import annotations

import asyncio

import pytest

from duologue.client.live.outcomes import CommandOutcomes
from duologue.errors import ConnectionClosedOK, RequestRejected
from duologue.events.live import (
    LiveCommentaryAppendedEvent,
    LiveCommentaryAppendEvent,
    LiveError,
    LiveErrorEvent,
    LiveInputAudioMuteEvent,
)
from duologue.notices import CommandEnded, LiveErrorReported, TimeStalled
from tests.client._waiting import no_task_left

APPEND = LiveCommentaryAppendEvent(delegation_id=None, content="x")
APPENDED = LiveCommentaryAppendedEvent(start_ms=0, end_ms=1)


def ended(command_id: str, **fields: object) -> CommandEnded:
    return CommandEnded(command_id=command_id, command=APPEND, **fields)  # type: ignore[arg-type]


async def test_an_answer_wakes_all_that_wait_for_it_and_is_kept() -> None:
    outcomes = CommandOutcomes()
    async with no_task_left():
        waiting = [asyncio.create_task(outcomes.wait("a")) for _ in range(2)]
        cancelled = asyncio.create_task(outcomes.wait("a"))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        outcomes.add(ended("a", answer=APPENDED), now=0.0)
        assert await asyncio.gather(*waiting) == [APPENDED, APPENDED]
    assert outcomes.knows("a")
    assert await outcomes.wait("a") == APPENDED


async def test_only_the_latest_answers_are_kept() -> None:
    outcomes = CommandOutcomes()
    for number in range(300):
        outcomes.add(ended(f"c{number}", answer=APPENDED), now=0.0)
    assert (outcomes.knows("c43"), outcomes.knows("c44")) == (False, True)


async def test_a_command_without_an_answer_is_rejected_with_the_reason() -> None:
    outcomes = CommandOutcomes()
    outcomes.add(ended("a", reason="not answered within 30 s"), now=0.0)
    with pytest.raises(RequestRejected, match=r"no answer to this session\.commentary\.append: not answered within"):
        await outcomes.wait("a")


async def test_the_end_of_the_session_ends_every_wait() -> None:
    outcomes = CommandOutcomes()
    waiting = asyncio.create_task(outcomes.wait("a"))
    await asyncio.sleep(0)
    outcomes.end(ConnectionClosedOK(1000))
    with pytest.raises(RequestRejected, match="the session is over"):
        await waiting


def test_an_error_that_no_caller_gets_is_logged_with_its_command(caplog: pytest.LogCaptureFixture) -> None:
    outcomes = CommandOutcomes()
    error = LiveErrorEvent(error=LiveError(code="invalid_value", message="'half' is no value."))
    command = LiveInputAudioMuteEvent()
    outcomes.add(CommandEnded(command_id="a", command=command, answer=error), now=0.0)
    outcomes.add(LiveErrorReported(event=error, command_id="a"), now=0.0)
    assert "in answer to session.input_audio.mute: 'half' is no value." in caplog.text


def test_a_standstill_of_the_session_s_time_is_told(caplog: pytest.LogCaptureFixture) -> None:
    CommandOutcomes().add(TimeStalled(4000), now=0.0)
    assert "stands still at 4000 ms" in caplog.text
