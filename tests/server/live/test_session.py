from __future__ import annotations

import asyncio
import base64
import logging
from array import array
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from duologue.audio.formats import Encoding
from duologue.engines.base import FunctionCall
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed
from duologue.server import Limits, LiveRequest
from duologue.server.telemetry.log import LogObserver
from duologue.testing import scripted_engines
from tests.server._engines import LOUD, Odd, failing
from tests.server._session_ends import SessionEnds
from tests.server.live._caller import Caller, staged, words

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("idle_clock")]

PIECE_BYTES = 4_800
DELEGATE = FunctionCall(name="delegate", arguments="{}")


def loud_ms(audio: bytes, encoding: str = "audio/pcm", rate_hz: int = 24_000) -> list[int]:
    """Where there is sound in this track: the beginnings of its pieces of 20 ms that are not silent."""
    pcm16 = array("h", Encoding.of(encoding, rate_hz).to_pcm16(audio))
    step = rate_hz // 50
    return [20 * n for n in range(len(pcm16) // step) if any(pcm16[n * step : (n + 1) * step])]


# --- a conversation


async def test_what_is_said_is_transcribed_answered_and_spoken() -> None:
    async with staged(words("It is noon.", heard=["what time is it"])) as stage:
        caller = stage.call()
        started = await caller.start(instructions="Be brief.")
        assert (started["status"], started["model"]) == ("active", "gpt-live-1")
        await caller.listen(300)
        await caller.speak(500)
        await caller.listen(3_000)
        assert caller.said("input").strip() == "what time is it"
        assert caller.said("output").strip() == "It is noon."
        assert len(loud_ms(caller.heard)) * 20 >= 600
        [asked] = stage.engines.responder.exchanges  # type: ignore[attr-defined]
        assert (asked.messages[-1].role, asked.messages[-1].text) == ("user", "what time is it")
        assert "Be brief." in asked.instructions
        assert [(function.name, function.fallback) for function in asked.functions] == [("delegate", True)]


async def test_the_output_is_one_track_of_100_ms_pieces_with_zeros_in_silence() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        await caller.listen(1_000)
        pieces = caller.all("session.output_audio.delta")
        assert 9 <= len(pieces) <= 10
        assert all(base64.b64decode(piece["delta"]) == bytes(PIECE_BYTES) for piece in pieces)
        assert all("event_id" not in piece for piece in pieces)


async def test_without_input_nothing_comes_and_the_session_expires() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        closed = await caller.until("session.closed")
        assert closed["reason"] == "expired"
        assert caller.all("session.output_audio.delta") == []
        assert (await caller.gone())[0] == 1000


async def test_audio_that_is_sent_at_once_is_heard_no_faster_than_real_time() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        began = asyncio.get_running_loop().time()
        for _ in range(20):
            await caller.send("session.input_audio.append", audio=base64.b64encode(bytes(PIECE_BYTES)).decode())
        await caller.until("session.output_audio.delta", count=20)
        assert asyncio.get_running_loop().time() - began >= 1.9


FORMATS = [("audio/pcm", 16_000, 3_200), ("audio/pcmu", 8_000, 800), ("audio/pcma", 8_000, 800)]


@pytest.mark.parametrize(("kind", "rate_hz", "piece_bytes"), FORMATS)
async def test_both_directions_have_the_session_s_format(kind: str, rate_hz: int, piece_bytes: int) -> None:
    encoding = Encoding.of(kind, rate_hz)
    loud = encoding.from_pcm16((LOUD * 100)[: 2 * rate_hz // 10])
    quiet = encoding.from_pcm16(bytes(2 * rate_hz // 10))
    async with staged(words("Yes indeed.", heard=["hello"])) as stage:
        caller = stage.call()
        await caller.start(audio={"format": {"type": kind, "rate": rate_hz}})
        for sound in (loud,) * 5 + (quiet,) * 30:
            await caller.send("session.input_audio.append", audio=base64.b64encode(sound).decode())
            await asyncio.sleep(0.1)
        pieces = caller.all("session.output_audio.delta")
        assert {len(base64.b64decode(piece["delta"])) for piece in pieces} == {piece_bytes}
        assert caller.said().strip() == "Yes indeed."
        assert len(loud_ms(caller.heard, kind, rate_hz)) * 20 >= 500


async def test_the_voice_falls_silent_within_300_ms_when_the_user_talks_over_it() -> None:
    async with staged(words("word " * 60, heard=["hello", "wait"])) as stage:
        caller = stage.call()
        await caller.start()
        await caller.speak(500)
        await caller.listen(2_000)
        assert loud_ms(caller.heard)[-1] >= 2_000, "the answer is being spoken"
        spoke_at_ms = 2_500
        await caller.speak(1_000)
        last_ms = loud_ms(caller.heard)[-1] + 20
        assert last_ms <= spoke_at_ms + 300, (last_ms, spoke_at_ms)


# --- delegation


async def test_what_the_responder_hands_over_is_answered_by_commentary() -> None:
    engines = scripted_engines(transcripts=["where is my parcel"], responses=[DELEGATE])
    async with staged(engines) as stage:
        caller = stage.call()
        await caller.start()
        await caller.speak(500)
        created = await caller.listen_until("session.delegation.created")
        delegation = created["delegation"]
        assert (delegation["target"], delegation["type"]) == ("client", "delegation")
        await caller.send(
            "session.commentary.append", event_id="c1", delegation_id=delegation["id"], content="It comes on Tuesday."
        )
        await caller.listen(3_000)
        [appended] = caller.all("session.commentary.appended")
        assert appended["client_event_id"] == "c1"
        assert caller.said().strip() == "It comes on Tuesday."
        assert caller.all("error") == []


WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def test_a_responses_delegation_calls_a_function_and_speaks_about_its_output() -> None:
    call = FunctionCall(name="get_weather", arguments='{"city":"Paris"}')
    engines = scripted_engines(transcripts=["the weather in Paris"], responses=[call, "It is sunny."])
    async with staged(engines) as stage:
        caller = stage.call()
        await caller.start(delegation={"type": "responses", "responses": {"model": "gpt-5.5", "tools": [WEATHER]}})
        await caller.speak(500)
        created = await caller.listen_until("session.delegation.created")
        assert created["delegation"]["target"] == "responses"
        done: dict[str, Any] | None = None
        for _ in range(30):
            await caller.listen(100)
            items = [event["event"] for event in caller.all("response.event")]
            done = next((item for item in items if item["type"] == "response.output_item.done"), None)
            if done is not None:
                break
        assert done is not None
        call_id = done["item"]["call_id"]
        output = {"type": "function_call_output", "call_id": call_id, "output": '{"celsius": 21}'}
        await caller.send("response.item.create", item=output)
        await caller.send("response.create")
        await caller.listen(3_000)
        assert caller.said().strip() == "It is sunny."
        asked = stage.engines.responder.exchanges[-1]  # type: ignore[attr-defined]
        assert asked.model == "gpt-5.5"
        assert [message.role for message in asked.messages[-3:]] == ["user", "assistant", "tool"]
        assert asked.messages[-2].calls[0].call_id == call_id
        assert asked.returned == {call_id}
        assert caller.all("error") == []


# --- what is refused


async def test_a_model_that_is_not_served_is_refused_at_the_start() -> None:
    async with staged(models=["gpt-live-1.1"]) as stage:
        caller = stage.call()
        await caller.send("session.start", event_id="s1", session={"model": "gpt-live-1"})
        refused = await caller.until("error")
        assert refused["error"]["code"] == "invalid_model"
        assert refused["client_event_id"] == refused["error"]["client_event_id"] == "s1"
        assert await caller.gone() == (4000, "invalid_request_error.invalid_model")
        assert caller.all("session.started") == []


@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-translate", "gpt-4o-transcribe"])
async def test_a_model_for_another_kind_of_session_is_refused_unless_the_operator_serves_it(model: str) -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.send("session.start", event_id="s1", session={"model": model})
        refused = await caller.until("error")
        assert refused["error"]["message"] == f'Model "{model}" is not supported in live mode.'
        assert await caller.gone() == (4000, "invalid_request_error.invalid_model")
    async with staged(models=[model]) as stage:
        assert (await stage.call().start(model=model))["model"] == model


@pytest.mark.parametrize(("models", "model"), [(["gpt-live-1"], "gpt-live-1"), ([], "a-model-of-their-own")])
async def test_a_model_that_is_served_starts(models: list[str], model: str) -> None:
    async with staged(models=models) as stage:
        assert (await stage.call().start(model=model))["model"] == model


async def test_events_above_the_rate_are_refused_and_the_session_goes_on() -> None:
    async with staged(limits=Limits(events_per_s=3)) as stage:
        caller = stage.call()
        await caller.start()
        for _ in range(4):
            await caller.send("session.input_audio.mute")
        refused = await caller.until("error")
        assert refused["error"]["code"] == "rate_limit_exceeded"
        assert caller.closed is None


# --- engines that fail


async def test_a_responder_that_fails_is_an_error_and_the_session_goes_on() -> None:
    engines = scripted_engines(transcripts=["hello"])
    async with staged(_with(engines, responder=failing("out of order"))) as stage:
        caller = stage.call()
        await caller.start()
        await caller.speak(500)
        error = await caller.listen_until("error")
        assert "out of order" in error["error"]["message"]
        await caller.listen(300)
        assert caller.closed is None


async def test_a_transcriber_that_fails_is_an_error_and_the_session_goes_on() -> None:
    async with staged(_with(scripted_engines(), transcriber=failing())) as stage:
        caller = stage.call()
        await caller.start()
        await caller.speak(500)
        await caller.listen_until("error")
        await caller.listen(300)
        assert caller.closed is None


async def test_a_detector_that_fails_ends_the_session() -> None:
    async with staged(_with(scripted_engines(), new_detector=lambda: Odd(2.0))) as stage:
        caller = stage.call()
        await caller.start()
        await caller.send("session.input_audio.append", audio=base64.b64encode(bytes(PIECE_BYTES)).decode())
        await caller.gone()


def _with(engines: Engines, **others: Any) -> Engines:
    return replace(engines, **others)


# --- the end


async def test_a_close_is_answered_and_followed_by_the_socket_s() -> None:
    ends = SessionEnds()
    async with staged(observers=[ends]) as stage:
        caller = stage.call()
        await caller.start()
        await caller.listen(500)
        await caller.send("session.close", event_id="bye")
        closed = await caller.until("session.closed")
        assert (closed["reason"], closed["client_event_id"]) == ("close_requested", "bye")
        assert (await caller.gone())[0] == 1000
    assert ends.codes.get_nowait() == 1000


async def test_an_append_that_no_audio_ever_placed_is_refused_by_the_close() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        await caller.send("session.thinking.append", event_id="late", content="It rains.", delegation_id=None)
        await caller.send("session.close")
        await caller.until("session.closed")
        (error,) = caller.all("error")
        assert (error["error"]["code"], error["client_event_id"]) == ("context_injection_incomplete", "late")
        assert not caller.all("session.thinking.appended")


async def test_an_append_whose_place_is_not_reached_is_placed_while_the_session_is_finished() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        await caller.listen(300)
        await caller.send("session.thinking.append", content="It rains.", delegation_id=None)
        await caller.send("session.close")
        await caller.until("session.closed")
        assert len(caller.all("session.thinking.appended")) == 1


async def test_a_server_that_drains_finishes_the_session_and_then_goes_away() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        await caller.listen(300)
        stage.session.drain()
        await caller.until("session.closed")
        assert (await caller.gone())[0] == 1001


async def test_a_session_that_has_not_started_is_closed_at_once_by_a_drain() -> None:
    async with staged() as stage:
        caller = stage.call()
        await asyncio.sleep(0)
        stage.session.drain()
        assert (await caller.gone())[0] == 1001
        assert caller.events == []


PHASES = ["before the start", "started", "speaking", "answering", "delegated"]


@pytest.mark.parametrize("phase", PHASES)
async def test_a_client_that_is_lost_in_any_phase_leaves_nothing_behind(phase: str) -> None:
    lines = [DELEGATE] if phase == "delegated" else ["word " * 60]
    async with staged(scripted_engines(responses=lines)) as stage:
        caller = stage.call()
        if phase != "before the start":
            await caller.start()
        if phase in ("speaking", "answering", "delegated"):
            await caller.speak(500)
        if phase == "answering":
            await caller.listen(1_500)
        if phase == "delegated":
            await caller.listen_until("session.delegation.created")
    assert stage.budget.total_bytes == 0


async def test_a_session_that_is_cancelled_goes_away_with_all_its_tasks() -> None:
    async with staged(words("word " * 60)) as stage:
        caller = stage.call()
        await caller.start()
        await caller.speak(500)
        await caller.listen(1_500)
        caller.serving.cancel()
        assert (await caller.gone())[0] == 1001
        with pytest.raises(asyncio.CancelledError):
            await caller.serving


# --- bounds


async def test_a_client_that_sends_far_ahead_is_refused_more_and_held_no_longer_than_its_session() -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        second = base64.b64encode(bytes(48_000)).decode()
        for _ in range(60):
            await caller.send("session.input_audio.append", audio=second)
        await caller.until("error")
        assert stage.budget.total_bytes < 3_000_000
    assert stage.budget.total_bytes == 0


async def test_a_client_that_reads_nothing_is_cut() -> None:
    ends = SessionEnds()
    async with staged(limits=Limits(backlog_bytes=20_000, stall_s=5), observers=[ends]) as stage:
        caller = stage.call(reads=False)
        await caller.send("session.start", session={"model": "gpt-live-1"})
        piece = base64.b64encode(bytes(PIECE_BYTES)).decode()
        for _ in range(300):
            if caller.serving.done():
                break
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(0.1):
                    await caller.send("session.input_audio.append", audio=piece)
            await asyncio.sleep(0.1)
        assert caller.serving.done()
        assert ends.codes.get_nowait() == 1008


async def test_a_long_talk_takes_no_more_memory_than_its_beginning() -> None:
    minutes = 4  # an hour, which grows in the same way, takes 20 s of a core
    lines = [f"Answer number {number}." for number in range(50)]
    async with staged(words(*lines, heard=["a question"])) as stage:
        caller = stage.call()
        await caller.start()
        held: list[int] = []
        for minute in range(minutes):
            for _ in range(4):
                await caller.speak(500)
                await caller.listen(14_500)
            held.append(stage.budget.total_bytes)
            caller.forget_audio()
            assert caller.all("error") == [], minute
        assert caller.names()["session.usage.updated"] >= 3 * minutes
        # The conversation grows by some hundred bytes a turn; nothing else does.
        assert max(held) - held[2] < 4 * minutes * 2_000


async def test_twenty_sessions_at_once_each_have_their_own_conversation() -> None:
    engines = scripted_engines(transcripts=["hello"], responses=["Hello to you."])
    async with staged(engines) as stage:
        callers = [stage.call(owner=f"key {number}") for number in range(20)]

        async def talk(caller: Caller) -> None:
            await caller.start()
            await caller.speak(500)
            await caller.listen(3_000)

        async with asyncio.TaskGroup() as all_of_them:
            for caller in callers:
                all_of_them.create_task(talk(caller))
        assert {caller.said().strip() for caller in callers} == {"Hello to you."}
        assert len({caller.all("session.started")[0]["session"]["id"] for caller in callers}) == 20


@pytest.mark.parametrize("name", ["session.input_audio.append", "session.output_audio.fixture.play"])
async def test_audio_that_could_never_be_taken_is_refused_before_it_is_decoded(name: str) -> None:
    async with staged() as stage:
        caller = stage.call()
        await caller.start()
        await caller.send(name, event_id="big", audio="A" * (3 * 1024 * 1024))
        refused = await caller.until("error")
        assert refused["client_event_id"] == "big"
        assert "characters of base64" in refused["error"]["message"]
        assert caller.closed is None


# --- the log


async def test_nothing_of_a_live_session_is_logged_on_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    call = FunctionCall(name="get_weather", arguments='{"sesame":1}')
    engines = scripted_engines(transcripts=["sesame"], responses=[call, "sesame."])
    async with staged(engines, observers=[LogObserver(address="::1", owner="key 1")]) as stage:
        caller = stage.call()
        delegation = {"type": "responses", "responses": {"model": "sesame", "tools": [WEATHER]}}
        started = await caller.start(instructions="sesame", delegation=delegation, store=True)
        sideband = stage.call(LiveRequest(verb="attach", session_id=started["id"]))
        await sideband.until("session.started")
        for name, fields in (
            ("session.thinking.append", {"content": "sesame"}),
            ("session.commentary.append", {"content": "sesame", "delegation_id": "sesame"}),
            ("sesame", {}),
            ("session.input_audio.append", {"audio": "sesame"}),
            ("response.item.create", {"item": {"type": "sesame"}}),
            ("session.update", {"session": {"sesame": "sesame"}}),
        ):
            await caller.send(name, **fields)
            await sideband.send(name, **fields)
        await caller.transport.send('{"sesame')
        await caller.speak(500)
        await caller.listen(2_000)
        assert caller.said("input") == "sesame"
        assert len(caller.all("error")) > 3
        await caller.send("session.close")
        await caller.gone()
    assert any("session" in record.getMessage() for record in caplog.records)
    assert not [record.getMessage() for record in caplog.records if "sesame" in repr(vars(record))]
