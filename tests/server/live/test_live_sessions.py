from __future__ import annotations

import pytest

from duologue.server import Limits, LiveRequest
from duologue.server.rejections import Rejection
from tests.server.live._caller import Caller, Stage, staged, words

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("idle_clock")]


async def finished(stage: Stage, **settings: object) -> str:
    """The id of a session in which something was said, and that was closed."""
    caller = stage.call()
    started = await caller.start(**settings)
    await caller.speak(500)
    await caller.listen(3_000)
    await caller.send("session.close")
    await caller.until("session.closed")
    await caller.left()
    session_id: str = started["id"]
    return session_id


async def forked(stage: Stage, session_id: str, **session: object) -> Caller:
    caller = stage.call(LiveRequest(verb="fork", session_id=session_id))
    await caller.send("session.start", session=session)
    await caller.until("session.started")
    return caller


async def test_a_fork_goes_on_with_the_conversation_of_a_stored_session() -> None:
    async with staged(words("Blue.", "As I said.", heard=["my colour is blue", "what is my colour"])) as stage:
        session_id = await finished(stage, store=True, instructions="Be brief.")
        fork = await forked(stage, session_id)
        session = fork.all("session.started")[0]["session"]
        assert session["id"] != session_id
        assert session["model"] == "gpt-live-1"
        await fork.speak(500)
        await fork.listen(3_000)
        asked = stage.engines.responder.exchanges[-1]  # type: ignore[attr-defined]
        said = [(message.role, message.text) for message in asked.messages]
        assert said == [("user", "my colour is blue"), ("assistant", "Blue."), ("user", "what is my colour")]
        assert "Be brief." in asked.instructions


async def test_a_stored_session_can_be_forked_as_soon_as_its_end_is_seen() -> None:
    async with staged() as stage:
        caller = stage.call()
        started = await caller.start(store=True)
        await caller.listen(300)
        await caller.send("session.close")
        await caller.until("session.closed")
        assert not caller.serving.done()
        await forked(stage, started["id"])


async def test_a_stored_session_may_be_forked_again_and_a_fork_may_be_stored() -> None:
    async with staged() as stage:
        session_id = await finished(stage, store=True)
        first = await forked(stage, session_id, store=True)
        await forked(stage, session_id)
        await first.listen(300)
        await first.send("session.close")
        await first.until("session.closed")
        await first.left()
        await forked(stage, first.all("session.started")[0]["session"]["id"])


async def test_what_was_not_stored_or_is_another_s_cannot_be_forked() -> None:
    async with staged() as stage:
        forgotten = await finished(stage)
        kept = await finished(stage, store=True)
        for session_id, owner in ((forgotten, "key 1"), (kept, "key 2"), ("live_none", "key 1")):
            with pytest.raises(Rejection) as refused:
                stage.call(LiveRequest(verb="fork", session_id=session_id), owner=owner)
            assert refused.value.name == "no_stored_session"


async def test_a_session_that_was_lost_is_not_stored() -> None:
    async with staged() as stage:
        caller = stage.call()
        started = await caller.start(store=True)
        await caller.left()
        with pytest.raises(Rejection):
            stage.call(LiveRequest(verb="fork", session_id=started["id"]))


async def test_stored_sessions_count_in_their_owner_s_memory_until_others_take_their_place() -> None:
    async with staged(limits=Limits(stored_live_sessions=1)) as stage:
        first = await finished(stage, store=True)
        held = stage.budget.total_bytes
        assert held > 0
        await finished(stage, store=True)
        assert abs(stage.budget.total_bytes - held) < 500
        with pytest.raises(Rejection):
            stage.call(LiveRequest(verb="fork", session_id=first))
