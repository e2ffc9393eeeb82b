"""Work that the model hands to the program: who does it, and what the model may say of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue import Delegation
from duologue.notices import DelegationStarted
from duologue.testing import Expect, ScriptedServer, Send, Until
from tests.client.live._talking import delegates, heard, says, serving, talking

COMMENTARY = "session.commentary.append"


async def told(server: ScriptedServer, delegate: Any, **options: Any) -> tuple[Any, Any]:
    """What the model may say of the work that it hands over: the id and the text."""
    async with talking(server, on_delegation=delegate, **options):
        append = await server.wait_for(COMMENTARY)
    return append["delegation_id"], append["content"]


async def test_a_coroutine_function_reads_the_transcript_and_its_text_is_what_the_model_may_say() -> None:
    async def work(delegation: Delegation) -> str:
        assert (delegation.id, delegation.offset_ms) == ("item_1", 1200)
        assert repr(delegation) == "Delegation('item_1')"
        await delegation.think("Looking it up.")
        return f"You asked: {delegation.transcript()[-1].text}"

    server = serving(
        Send(says("user", "Where is it?", 0, 800), delegates("item_1")),
        Expect("session.thinking.append"),
        Expect(COMMENTARY),
    )
    assert await told(server, work) == ("item_1", "You asked: Where is it?")
    assert server.received[0][1]["delegation_id"] == "item_1"


async def test_a_function_that_blocks_runs_in_a_thread() -> None:
    def work(delegation: Delegation) -> str:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return "Done."

    assert await told(serving(Send(delegates("item_1")), Expect(COMMENTARY)), work) == ("item_1", "Done.")


async def test_it_may_answer_with_say_and_return_nothing() -> None:
    async def work(delegation: Delegation) -> None:
        await delegation.say("On Tuesday.")

    assert await told(serving(Send(delegates("item_1")), Expect(COMMENTARY)), work) == ("item_1", "On Tuesday.")


async def test_what_it_raises_is_logged_and_the_model_is_told_that_it_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def work(delegation: Delegation) -> str:
        raise RuntimeError("the password is 1234")

    delegation_id, text = await told(serving(Send(delegates("item_1")), Expect(COMMENTARY)), work)
    assert (delegation_id, text) == ("item_1", "This could not be done: it failed.")
    assert "the function on_delegation failed" in caplog.text


async def test_work_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def work(delegation: Delegation) -> None:
        await asyncio.Event().wait()

    server = serving(Send(delegates("item_1")), Expect(COMMENTARY))
    assert (await told(server, work, delegation_timeout=0.01))[1] == "This could not be done: it failed."
    assert "delegated work was not done" in caplog.text


async def test_what_is_no_text_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    async def work(delegation: Delegation) -> Any:
        return 3

    assert (await told(serving(Send(delegates("item_1")), Expect(COMMENTARY)), work))[0] == "item_1"
    assert "on_delegation returned a int, not a str" in caplog.text


async def test_work_for_the_responses_model_is_not_given_to_the_program() -> None:
    given: list[Delegation] = []
    server = serving(Send(delegates("item_1", "responses")))
    async with talking(server, on_delegation=given.append) as live, live.stream(DelegationStarted) as started:
        await heard(started)
    assert given == []


async def test_work_that_nothing_takes_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    server = serving(Expect("session.thinking.append"), Send(delegates("item_1")), Expect(COMMENTARY))
    async with talking(server) as live:
        await live.append_thinking("The user calls from Ulm.")
        seen = asyncio.Event()
        live.on("session.delegation.created", lambda event: seen.set())
        async with asyncio.timeout(5):
            await seen.wait()
        await live.append_commentary("Done.", delegation_id="item_1")
    assert "nothing takes it: pass on_delegation=" in caplog.text


async def test_work_that_a_callback_takes_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    server = serving(Send(delegates("item_1")))
    async with talking(server) as live:
        seen = asyncio.Event()

        @live.on(DelegationStarted)
        def take(notice: DelegationStarted) -> None:
            seen.set()

        async with asyncio.timeout(5):
            await seen.wait()
    assert "nothing takes it" not in caplog.text


async def test_a_result_that_comes_while_a_clip_is_played_is_told_after_it() -> None:
    clip_plays = asyncio.Event()

    async def work(delegation: Delegation) -> str:
        await clip_plays.wait()
        return "On Tuesday."

    server = serving(
        Send(delegates("item_1")),
        *(Expect("session.output_audio.fixture.play"), Send({"type": "session.output_audio.fixture.playing"})),
        Until(clip_plays),
        Send({"type": "session.output_audio.fixture.played"}),
        Expect("session.commentary.append"),
    )
    async with talking(server, on_delegation=work) as live:
        live.on("session.output_audio.fixture.playing", lambda event: clip_plays.set())
        assert await live.play_fixture(bytes(4800), timeout=5)
        await server.wait_for("session.commentary.append")
