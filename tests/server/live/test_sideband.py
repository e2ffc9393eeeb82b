from __future__ import annotations

import asyncio
import base64

import pytest

from duologue.server import Limits, LiveRequest
from duologue.server.live import session as session_module
from duologue.server.rejections import Rejection
from tests.server._engines import LOUD
from tests.server._session_ends import SessionEnds
from tests.server.live._caller import Caller, Stage, staged, words

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("idle_clock")]


async def attached(stage: Stage, **settings: object) -> tuple[Caller, Caller]:
    """A session that runs, and a sideband that has heard so."""
    primary = stage.call()
    started = await primary.start(**settings)
    sideband = stage.call(LiveRequest(verb="attach", session_id=started["id"]))
    again = await sideband.until("session.started")
    assert again["session"]["id"] == started["id"]
    return primary, sideband


async def test_a_sideband_sees_what_the_primary_sees_and_both_sounds() -> None:
    async with staged(words("It is noon.", heard=["what time is it"])) as stage:
        primary, sideband = await attached(stage)
        await primary.speak(500)
        await primary.listen(3_000)
        assert sideband.said("input") == primary.said("input") == "what time is it"
        assert sideband.said().strip() == "It is noon."
        mirrored = sideband.all("session.input_audio.append")
        assert base64.b64decode(mirrored[0]["audio"]) == LOUD * 100
        assert "event_id" not in mirrored[0]
        sound = sideband.all("session.output_audio.delta")
        assert all(piece["end_ms"] - piece["start_ms"] == 100 for piece in sound)
        assert b"".join(base64.b64decode(piece["delta"]) for piece in sound) in primary.heard


async def test_a_sideband_may_command_and_its_answers_and_errors_reach_it() -> None:
    async with staged() as stage:
        primary, sideband = await attached(stage)
        await sideband.send("session.input_audio.mute", event_id="m1")
        assert (await sideband.until("session.input_audio.muted"))["client_event_id"] == "m1"
        await sideband.send("session.input_audio.append", event_id="a1", audio="AAAA")
        refused = await sideband.until("error")
        assert refused["client_event_id"] == "a1"
        assert primary.closed is None


async def test_the_session_goes_on_when_a_sideband_leaves_and_the_sideband_ends_with_the_session() -> None:
    async with staged() as stage:
        primary, first = await attached(stage)
        second = stage.call(LiveRequest(verb="attach", session_id=stage.session.session_id))
        await second.until("session.started")
        await first.left()
        await primary.listen(500)
        assert stage.session.sidebands_open == 1
        await primary.send("session.close")
        await second.until("session.closed")
        assert (await second.gone())[0] == 1000


async def test_a_sideband_hears_that_the_primary_connection_was_lost() -> None:
    async with staged() as stage:
        primary, sideband = await attached(stage)
        await primary.left()
        closed = await sideband.until("session.closed")
        assert closed["reason"] == "connection_lost"
        assert (await sideband.gone())[0] == 1001


async def test_a_sideband_that_does_not_read_is_cut_and_the_primary_is_not() -> None:
    ends = SessionEnds()
    async with staged(limits=Limits(backlog_bytes=50_000), observers=[ends]) as stage:
        primary = stage.call()
        started = await primary.start()
        deaf = stage.call(LiveRequest(verb="attach", session_id=started["id"]), reads=False)
        await primary.listen(5_000)
        assert deaf.serving.done()
        assert ends.codes.get_nowait() == 1008
        assert stage.session.sidebands_open == 0
        assert primary.closed is None
        assert primary.all("error") == []


async def test_only_the_owner_of_an_open_session_may_attach() -> None:
    async with staged() as stage:
        primary = stage.call()
        with pytest.raises(Rejection) as early:
            stage.call(LiveRequest(verb="attach", session_id=stage.session.session_id))
        started = await primary.start()
        with pytest.raises(Rejection) as foreign:
            stage.call(LiveRequest(verb="attach", session_id=started["id"]), owner="key 2")
        with pytest.raises(Rejection) as unknown:
            stage.call(LiveRequest(verb="attach", session_id="live_none"))
        names = {caught.value.name for caught in (early, foreign, unknown)}
        assert names == {"no_live_session"}


async def test_there_may_be_so_many_sidebands() -> None:
    async with staged() as stage:
        _, first = await attached(stage)
        wanted = LiveRequest(verb="attach", session_id=stage.session.session_id)
        others = [stage.call(wanted) for _ in range(15)]
        for sideband in others:
            await sideband.until("session.started")
        with pytest.raises(Rejection) as refused:
            stage.call(wanted)
        assert refused.value.name == "sidebands"
        await first.left()
        await stage.call(wanted).until("session.started")


async def test_a_sideband_that_is_stopped_goes_away_alone() -> None:
    async with staged() as stage:
        primary, sideband = await attached(stage)
        stage.served[1].stop()
        assert (await sideband.gone())[0] == 1001
        await primary.listen(300)
        assert primary.closed is None


async def test_a_session_that_ends_while_a_sideband_comes_in_is_told_to_it() -> None:
    async with staged() as stage:
        primary = stage.call()
        started = await primary.start()
        sideband = stage.call(LiveRequest(verb="attach", session_id=started["id"]))  # runs behind what follows
        stage.session._serving = False
        error = await sideband.until("error")
        assert error["error"]["code"] == "session_not_found"
        assert (await sideband.gone())[0] == 1000
        stage.session._serving = True


async def test_a_sideband_that_is_cancelled_goes_away_and_the_session_goes_on() -> None:
    async with staged() as stage:
        primary, sideband = await attached(stage)
        sideband.serving.cancel()
        assert (await sideband.gone())[0] == 1001
        await primary.listen(300)
        assert stage.session.sidebands_open == 0
        assert primary.closed is None


async def test_a_sideband_that_reads_outlives_a_burst_of_input() -> None:
    async with staged() as stage:
        primary, sideband = await attached(stage)
        await asyncio.sleep(25)
        await primary.send("session.input_audio.append", audio=base64.b64encode(LOUD * 25_000).decode())
        await primary.until("session.output_audio.delta", count=250)
        await sideband.until("session.output_audio.delta", count=250)
        assert len(base64.b64decode(sideband.all("session.input_audio.append")[0]["audio"])) == len(LOUD) * 25_000
        await asyncio.sleep(6)
        assert sideband.closed is None


async def test_a_sideband_is_cut_at_once_when_it_has_not_read_several_backlogs() -> None:
    ends = SessionEnds()
    async with staged(limits=Limits(backlog_bytes=20_000), observers=[ends]) as stage:
        primary = stage.call()
        started = await primary.start()
        stage.call(LiveRequest(verb="attach", session_id=started["id"]), reads=False)
        await primary.listen(2_000)
        assert ends.codes.get_nowait() == 1008
        assert stage.session.sidebands_open == 0


async def test_what_a_sideband_asked_for_begins_no_work_when_the_primary_connection_is_gone() -> None:
    async with staged() as stage:
        primary, _ = await attached(stage, delegation={"type": "responses", "responses": {"model": "m"}})
        await primary.listen(300)
        session = stage.session
        session._serving = False
        session._protocol.receive_text('{"type":"response.create"}', now=asyncio.get_running_loop().time())
        session._pass_on()
        assert session._work == {}
        session._serving = True


async def test_a_sideband_comes_in_when_the_long_work_of_others_is_done() -> None:
    async with staged() as stage:
        primary = stage.call()
        started = await primary.start()
        async with stage.session._long_work:
            sideband = stage.call(LiveRequest(verb="attach", session_id=started["id"]))
            await primary.listen(500)
            assert sideband.events == []
        await sideband.until("session.started")


async def test_after_a_long_message_the_next_one_waits_for_the_long_work_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "_LONG_S", -1.0)
    async with staged() as stage:
        primary, sideband = await attached(stage)
        async with stage.session._long_work:
            for number in range(3):
                await sideband.send("session.input_audio.mute", event_id=f"m{number}")
            await asyncio.sleep(1)
            assert len(sideband.all("session.input_audio.muted")) == 1
        await sideband.until("session.input_audio.muted", count=3)
        assert primary.closed is None
