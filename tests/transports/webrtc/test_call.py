"""Calls with real sessions: what the caller hears and is told, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from duologue.codec import decode, encode
from duologue.engines.base import FunctionCall
from duologue.engines.registry import Engines
from duologue.events import InputAudioBufferAppendEvent, RealtimeSession, SessionCreatedEvent
from duologue.protocol.media.playout import TAIL_FRAMES
from duologue.testing import CountedIds, scripted_engines
from duologue.transports import memory_pair
from duologue.transports.webrtc.call import CallTransport
from duologue.transports.webrtc.memory import memory_peers
from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings
from tests.transports.webrtc._talking import (
    LONG_S,
    LOUD,
    QUIET,
    SENTENCE,
    Caller,
    calling,
    in_virtual_time,
    next_of,
)

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared"))


def test_a_spoken_turn() -> None:
    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller:
            await caller.says()
            await caller.until(STOPPED)
            await asyncio.sleep(12)
        return caller

    caller = in_virtual_time(call)
    types = caller.types()
    assert types.index("response.content_part.added") < types.index(STARTED)
    assert types[types.index(STARTED) + 1] == "response.output_audio.done"
    assert types[-1] == STOPPED
    assert "response.output_audio.delta" not in types
    assert "response.output_audio.done" in types
    assert len(caller.heard_at) == round(LONG_S * 50)
    assert [later - earlier for earlier, later in pairwise(caller.heard_at)] == pytest.approx(
        [0.02] * (len(caller.heard_at) - 1)
    )
    assert caller.n_silent == TAIL_FRAMES
    ended_at = caller.came_at[types.index("input_audio_buffer.speech_stopped")]
    assert caller.heard_at[0] - ended_at < 0.01
    assert caller.came_at[-1] - caller.heard_at[0] == pytest.approx(LONG_S, abs=0.05)


def test_a_session_hears_the_same_in_messages_and_without() -> None:
    async def call(*, takes_sound: bool) -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE, "Yes?")), takes_sound=takes_sound) as caller:
            await caller.says()
            await caller.until(STARTED)
            await caller.says()
            await caller.until(STOPPED)
        return caller

    told = [in_virtual_time(partial(call, takes_sound=takes)) for takes in (True, False)]
    assert told[0].events == told[1].events
    assert told[0].came_at == pytest.approx(told[1].came_at, abs=0.001)


async def test_sound_comes_as_a_message_where_it_is_not_taken() -> None:
    peer, server_peer = await memory_peers()
    call = CallTransport(server_peer, call_id="rtc_1", new_id=CountedIds())
    created = SessionCreatedEvent(event_id="event_1", session=RealtimeSession(id="sess_1", object="realtime.session"))
    offered, takes = list[bytes](), [True, False]

    def take(sound: bytes) -> bool:
        offered.append(sound)
        return takes.pop(0)

    await call.offer(take)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(call.run())
        await call.send(encode(created).decode())
        receiving = tasks.create_task(call.receive())
        for number in (1, 2, 3):
            await asyncio.sleep(0)
            peer.play(bytes([number]) * FRAME_BYTES)
        messages = [await receiving, await call.receive()]
        await call.close()
    assert [sound[0] for sound in offered] == [1, 2]
    events = [decode(message) for message in messages]
    assert [event.decode_audio()[0] for event in events if isinstance(event, InputAudioBufferAppendEvent)] == [2, 3]


def test_barge_in_behind_the_response_s_end() -> None:
    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE, "Yes?"))) as caller:
            await caller.says()
            await caller.until("response.done")
            await caller.until(STARTED) if STARTED not in caller.types() else None
            await caller.says()
            await caller.until(STOPPED)
        return caller

    caller = in_virtual_time(call)
    assert caller.types("output_audio_buffer") == [STARTED, CLEARED, STARTED, STOPPED]
    types = caller.types()
    cleared = types.index(CLEARED)
    assert types[cleared - 1] == "input_audio_buffer.speech_started"
    assert types[cleared + 1] == "conversation.item.truncated"
    assert types.count("response.done") == 2
    assert "error" not in types
    cleared_at = caller.came_at[cleared]
    n_heard = sum(at <= cleared_at for at in caller.heard_at)
    assert caller.events[cleared + 1]["audio_end_ms"] == 20 * n_heard
    assert not [at for at in caller.heard_at if cleared_at < at < cleared_at + 0.4]


class _SlowSynthesizer:
    """Speaks a second at a time, at the speed of speech."""

    name = "slow"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("slow",)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> Any:
        for _ in range(20):
            yield LOUD * 50
            await asyncio.sleep(1)


def _slow_engines() -> Engines:
    return replace(scripted_engines(), synthesizer=_SlowSynthesizer())


def test_barge_in_while_the_response_is_made() -> None:
    async def call() -> Caller:
        async with calling(_slow_engines()) as caller:
            await caller.says()
            await caller.until(STARTED)
            await caller.sound(2500, QUIET)
            await caller.sound(200)
            await caller.until("conversation.item.truncated")
            await caller.sound(200, QUIET)
        return caller

    caller = in_virtual_time(call)
    types = caller.types()
    assert types.count("response.done") == 1
    assert {CLEARED, "conversation.item.truncated"} <= set(types[types.index(CLEARED) :])
    assert caller.of("response.done")[0]["response"]["status_details"]["reason"] == "turn_detected"
    assert caller.of("conversation.item.truncated")[0]["audio_end_ms"] == 20 * len(caller.heard_at)
    assert "error" not in types


def test_interrupt_of_the_sdk_and_another_with_nothing_playing() -> None:
    async def call() -> Caller:
        async with calling(_slow_engines()) as caller:
            await caller.says()
            await caller.until(STARTED)
            await asyncio.sleep(0.7)
            await caller.send("response.cancel")
            await caller.send("output_audio_buffer.clear")
            await caller.until("conversation.item.truncated")
            await caller.send("output_audio_buffer.clear")
            await caller.update(instructions="Be brief.")
        return caller

    caller = in_virtual_time(call)
    assert caller.types("output_audio_buffer") == [STARTED, CLEARED]
    assert caller.of("conversation.item.truncated")[0]["audio_end_ms"] == 20 * len(caller.heard_at)
    assert len(caller.heard_at) > 35
    assert "error" not in caller.types()
    assert caller.types()[-1] == "session.updated"


def test_an_item_that_is_gone_is_truncated_without_an_error() -> None:
    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller:
            await caller.says()
            done = await caller.until("response.done")
            await caller.send("conversation.item.delete", item_id=done["response"]["output"][0]["id"])
            await caller.until("conversation.item.deleted")
            await caller.send("output_audio_buffer.clear")
            await caller.until(CLEARED)
            await caller.update(instructions="Be brief.")
        return caller

    caller = in_virtual_time(call)
    assert "error" not in caller.types()
    assert "conversation.item.truncated" not in caller.types()


def test_a_tool_call_and_the_answer_behind_it() -> None:
    engines = scripted_engines(responses=(FunctionCall(name="look", arguments="{}"), "It is blue."))

    async def call() -> Caller:
        async with calling(engines) as caller:
            await caller.update(tools=[{"type": "function", "name": "look", "parameters": {"type": "object"}}])
            await caller.says()
            done = await caller.until("response.done")
            item = {
                "type": "function_call_output",
                "call_id": done["response"]["output"][0]["call_id"],
                "output": "blue",
            }
            await caller.send("conversation.item.create", item=item)
            await caller.send("response.create")
            await caller.until(STOPPED)
        return caller

    caller = in_virtual_time(call)
    assert caller.types("output_audio_buffer") == [STARTED, STOPPED]
    assert len(caller.heard_at) == round(60 * len("It is blue.") / 20)


def test_a_muted_caller_is_not_answered() -> None:
    async def call() -> Caller:
        async with calling() as caller:
            await caller.sound(3000, QUIET)
        return caller

    caller = in_virtual_time(call)
    assert caller.types() == ["session.created"]
    assert not caller.heard_at
    assert not caller.n_silent


@pytest.mark.parametrize("format_type", ["audio/pcmu", "audio/pcma"])
def test_the_format_may_change_while_the_user_speaks(format_type: str) -> None:
    pytest.importorskip("soxr")

    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller:
            await caller.sound(200, QUIET)
            side = {"format": {"type": format_type}}
            updating = asyncio.ensure_future(caller.update(audio={"input": side, "output": side}))
            await caller.sound(200, QUIET)
            await updating
            assert "input_audio_buffer.speech_started" not in caller.types()
            await caller.says()
            await caller.until(STOPPED)
        return caller

    caller = in_virtual_time(call)
    assert len(caller.heard_at) == round(LONG_S * 50)
    assert "error" not in caller.types()


# --- silence


def test_the_user_is_prompted_when_the_speech_has_been_played() -> None:
    """Also where it is played later than it was made: behind a response beside the conversation."""

    async def call() -> Caller:
        async with calling(scripted_engines(responses=(SENTENCE,))) as caller:
            vad = {"type": "server_vad", "idle_timeout_ms": 5000}
            await caller.update(audio={"input": {"turn_detection": vad}})
            await caller.send("response.create", response={"conversation": "none"})
            await caller.send("response.create")
            await caller.until("input_audio_buffer.timeout_triggered")
        return caller

    caller = in_virtual_time(call)
    triggered_at = caller.came_at[caller.types().index("input_audio_buffer.timeout_triggered")]
    assert len(caller.heard_at) >= 2 * round(LONG_S * 50)
    assert triggered_at - caller.heard_at[2 * round(LONG_S * 50) - 1] == pytest.approx(5, abs=0.05)


def test_a_cancelled_response_that_goes_on_playing_is_waited_for() -> None:
    async def call() -> Caller:
        async with calling(_slow_engines()) as caller:
            vad = {"type": "server_vad", "idle_timeout_ms": 5000}
            await caller.update(audio={"input": {"turn_detection": vad}})
            await caller.send("response.create")
            await caller.until(STARTED)
            await asyncio.sleep(0.5)
            await caller.send("response.cancel")
            await caller.until("input_audio_buffer.timeout_triggered")
        return caller

    caller = in_virtual_time(call)
    types = caller.types()
    assert len([at for at in caller.heard_at if at < caller.came_at[types.index(STOPPED)] + 0.001]) == 50
    waited_s = caller.came_at[types.index("input_audio_buffer.timeout_triggered")] - caller.heard_at[49]
    assert waited_s == pytest.approx(5, abs=0.05)


# --- backpressure


def test_engines_wait_while_two_minutes_are_to_be_played_and_speech_interrupts_nevertheless() -> None:
    class Endless(_SlowSynthesizer):
        made_s = 0

        async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> Any:
            while True:
                Endless.made_s += 1
                yield LOUD * 50
                await asyncio.sleep(0)

    async def call() -> Caller:
        async with calling(replace(scripted_engines(), synthesizer=Endless())) as caller:
            await caller.says()
            await caller.until(STARTED)
            await caller.sound(1000, QUIET)
            assert 120 <= Endless.made_s <= 125
            await caller.sound(200)
            await caller.until(CLEARED)
        return caller

    caller = in_virtual_time(call)
    assert caller.of("response.done")[0]["response"]["status_details"]["reason"] == "turn_detected"


def test_a_caller_that_reads_nothing_makes_the_session_wait() -> None:
    async def call() -> int:
        client, server = await memory_peers(settings=PeerSettings(backlog_bytes=10_000))
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        n_sent = 0
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(transport.run())
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while True:
                        await transport.send('{"type":"x","text":"' + "x" * 10_000 + '"}')
                        n_sent += 1
            assert await client.receive()
            await asyncio.sleep(0)
            await client.close()
            await running
        return n_sent

    assert 20 < in_virtual_time(call) < 40


def test_a_session_that_reads_nothing_makes_the_caller_wait() -> None:
    async def call() -> int:
        client, server = await memory_peers(settings=PeerSettings(backlog_bytes=1000))
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        n_sent = 0
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.run())
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while True:
                        await client.send('{"type":"x"}')
                        n_sent += 1
            for _ in range(n_sent):
                assert await transport.receive() == '{"type":"x"}'
            await transport.close()
        return n_sent

    assert 256 <= in_virtual_time(call) < 400


def test_long_messages_wait_sooner() -> None:
    async def call() -> int:
        client, server = await memory_peers(settings=PeerSettings(backlog_bytes=1000))
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        n_sent = 0
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.run())
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while True:
                        await client.send("x" * 200_000)
                        n_sent += 1
            for _ in range(n_sent):
                assert len(await transport.receive()) == 200_000
            await transport.close()
        return n_sent

    assert in_virtual_time(call) < 10


def test_binary_messages_are_for_the_session_and_none_of_its_own() -> None:
    async def call() -> None:
        async with calling() as caller:
            with pytest.raises(ValueError, match="text"):
                await caller.call.send(b"no")

    in_virtual_time(call)


# --- the size of messages


def test_what_is_too_long_for_the_channel_is_told_or_comes_without_audio() -> None:
    async def call() -> tuple[Caller, dict[str, Any]]:
        async with calling(max_message_bytes=8192) as caller, asyncio.TaskGroup() as tasks:
            ours, theirs = memory_pair()
            tasks.create_task(caller.call.attach(theirs))
            await caller.says()
            committed = await caller.until("input_audio_buffer.committed")
            await caller.send("conversation.item.retrieve", item_id=committed["item_id"])
            await caller.until("conversation.item.retrieved")
            await caller.send("session.update", session={"type": "realtime", "instructions": "x" * 8000})
            await caller.until("error")
            retrieved = await next_of(ours, "conversation.item.retrieved")
            await next_of(ours, "session.updated")
            await ours.close()
        return caller, retrieved

    caller, in_full = in_virtual_time(call)
    assert caller.of("conversation.item.retrieved")[0]["item"]["content"][0]["audio"] is None
    assert len(in_full["item"]["content"][0]["audio"]) > 8192
    error = caller.of("error")[0]["error"]
    assert error["code"] == "event_too_large"
    assert "'session.updated'" in error["message"]


def test_a_limit_that_takes_no_event_at_all_does_not_end_the_call(caplog: pytest.LogCaptureFixture) -> None:
    async def call() -> None:
        client, server = await memory_peers(max_message_bytes=50)
        transport = CallTransport(server, call_id="rtc_1", new_id=CountedIds())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(transport.run())
            await transport.send('{"type":"x","text":"' + "x" * 100 + '"}')
            await transport.send('{"type":"y"}')
            assert await client.receive() == '{"type":"y"}'
            await client.close()

    in_virtual_time(call)
    assert "takes 50" in caplog.text
