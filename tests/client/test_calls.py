"""Conversations over WebRTC, with a server that the test plays: the same verbs and notices as over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from duologue.audio.formats import PCM
from duologue.client import Conversation, converse
from duologue.errors import ConnectionClosed
from duologue.events import ConversationItemTruncatedEvent, OutputAudioBufferStoppedEvent, RealtimeEvent
from duologue.notices import (
    AudioDelta,
    AudioDone,
    ConnectionLost,
    Interrupted,
    ResponseFinished,
    SpeechStarted,
)
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.testing.virtual_time import run_in_virtual_time
from tests.client._calls import PlayedCall, PlayedCalls, tone
from tests.client._waiting import FAST, following

Talk = Callable[[Conversation, PlayedCalls], Coroutine[Any, Any, None]]


def talking(talk: Talk, *, lasts_s: int | None = None, **options: Any) -> None:
    """Hold a conversation in virtual time. `lasts_s` is how long a session may last."""

    async def hold() -> None:
        server = PlayedCalls(lasts_s=lasts_s)
        async with (
            asyncio.timeout(400),
            converse(open_connection=server.open, reconnect=FAST, **options) as conversation,
        ):
            await talk(conversation, server)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert server.stack.n_open == 0

    run_in_virtual_time(hold())


def test_a_spoken_answer_ends_when_it_has_been_heard() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        assert conversation.call_id == "rtc_1"
        async with conversation.stream(AudioDelta, AudioDone, ResponseFinished) as notices:
            answering = asyncio.ensure_future(conversation.respond())
            asked = await call.expect("response.create")
            await call.begin("resp_1", "item_1", asked)
            await call.play(10)
            await call.generated("resp_1", "item_1", asked)
            await call.play(40)
            assert not answering.done()
            await call.stop("resp_1")
            assert (await answering).response.id == "resp_1"
            found: list[AudioDelta | AudioDone | ResponseFinished] = []
            while not found or not isinstance(found[-1], ResponseFinished):
                found += await following(notices)
        audio = b"".join(each.audio for each in found if isinstance(each, AudioDelta))
        assert audio.startswith(tone(50))
        assert not audio[len(tone(50)) :].strip(b"\0")
        assert [type(each) for each in found[-2:]] == [AudioDone, ResponseFinished]
        assert conversation.items[0].text == "Hello there."

    talking(talk)


def test_a_barge_in_is_cut_by_the_server_alone() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        heard: list[bytes] = []
        async with (
            conversation.play(heard.append),
            conversation.stream(
                SpeechStarted, Interrupted, ResponseFinished, ConversationItemTruncatedEvent
            ) as notices,
        ):
            await call.begin("resp_1", "item_1")
            await call.play(20)
            await call.generated("resp_1", "item_1")
            await call.play(20)
            speech = {"type": "input_audio_buffer.speech_started", "item_id": "item_u", "audio_start_ms": 0}
            cut = {"type": "conversation.item.truncated", "item_id": "item_1", "content_index": 0, "audio_end_ms": 800}
            await call.tell(speech, {"type": "output_audio_buffer.cleared", "response_id": "resp_1"}, cut)
            kinds = [type(each) for each in await following(notices, 4)]
            await call.play(5)  # what was on its way
            assert sorted(kinds, key=str) == sorted(
                [SpeechStarted, Interrupted, ResponseFinished, ConversationItemTruncatedEvent], key=str
            )
        assert call.sent("conversation.item.truncate") == []
        assert call.sent("output_audio_buffer.clear") == []
        assert conversation.items[0].truncated_at_ms == 800
        assert len(b"".join(heard)) <= PCM.bytes_for_ms(800)

    talking(talk)


def test_an_interruption_by_the_application_clears_what_is_played() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        async with conversation.stream(Interrupted, ResponseFinished) as notices:
            await call.begin("resp_1", "item_1")
            await call.play(20)
            await conversation.interrupt()
            await call.expect("output_audio_buffer.clear")
            assert [each["type"] for each in call.received] == ["response.cancel", "output_audio_buffer.clear"]
            await call.generated("resp_1", "item_1", status="cancelled")
            await call.tell({"type": "output_audio_buffer.cleared", "response_id": "resp_1"})
            assert [type(each) for each in await following(notices, 2)] == [Interrupted, ResponseFinished]

            await call.begin("resp_2", "item_2")
            await call.play(20)
            await call.generated("resp_2", "item_2")
            await call.play(5)
            assert await conversation.cancel()
            await call.expect("output_audio_buffer.clear", 2)
            await call.tell({"type": "output_audio_buffer.cleared", "response_id": "resp_2"})
            [finished] = await following(notices)
            assert isinstance(finished, ResponseFinished)
            assert len(call.sent("response.cancel")) == 1  # the second response was there already
            assert not await conversation.cancel()

    talking(talk)


def test_a_function_is_answered_while_the_words_before_its_call_are_played() -> None:
    async def look_up() -> str:
        """Looks it up."""
        return "found"

    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        asking = asyncio.ensure_future(conversation.ask("Where is it?"))
        asked = await call.expect("response.create")
        await call.begin("resp_1", "item_1", asked)
        await call.generated("resp_1", "item_1", asked, calls=1)
        await call.play(5)
        answer = await call.expect("conversation.item.create", 2)
        assert answer["item"]["output"] == "found"
        asked = await call.expect("response.create", 2)
        await call.play(20)
        await call.stop("resp_1")
        await call.begin("resp_2", "item_2", asked)
        await call.generated("resp_2", "item_2", asked)
        await call.play(20)
        assert not asking.done()
        await call.stop("resp_2")
        assert "Hello there." in await asking

    talking(talk, tools=[look_up])


def test_a_committed_utterance_is_heard_whole_before_it_is_committed() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        await conversation.send_audio(tone(100, 500))
        await conversation.commit()
        await conversation.send_text("That was it.")
        heard = b""
        while not call.sent("input_audio_buffer.commit"):
            heard += await call.peer.hear()
        assert heard.replace(bytes(960), b"") == tone(100, 500)
        await call.expect("conversation.item.create")
        assert [each["type"] for each in call.received] == ["input_audio_buffer.commit", "conversation.item.create"]

    talking(talk)


def test_a_lost_call_is_replaced_and_the_conversation_goes_on() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        first = server.calls[0]
        async with conversation.stream(ConnectionLost, SessionRestored) as notices:
            await first.begin("resp_1", "item_1")
            await first.play(20)
            await first.generated("resp_1", "item_1")
            await first.stop("resp_1")
            first.peer.vanish()
            lost, restored = await asyncio.wait_for(_two(notices), 30)
        assert isinstance(lost, ConnectionLost)
        assert isinstance(restored, SessionRestored)
        second = server.calls[1]
        assert conversation.call_id == "rtc_2"
        replayed = await second.expect("conversation.item.create")
        assert replayed["item"]["content"][0]["text"] == "Hello there."
        await conversation.send_audio(tone(5, 700))
        while not (frame := await second.peer.hear()).strip(b"\0"):
            pass
        assert frame == tone(1, 700)

    talking(talk)


async def _two(notices: Any) -> list[Any]:
    return [await notices.receive(), await notices.receive()]


def test_a_call_that_the_server_ends_tells_what_was_held() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        [call] = server.calls
        async with conversation.stream(RealtimeEvent, ConnectionLost) as notices:
            await call.begin("resp_1", "item_1")
            await call.play(5)
            await call.generated("resp_1", "item_1")
            await call.tell({"type": "output_audio_buffer.stopped", "response_id": "resp_1"})
            await call.peer.close()
            found: list[Any] = []
            while not found or not isinstance(found[-1], ConnectionLost):
                found += await following(notices)
        assert isinstance(found[-2], OutputAudioBufferStoppedEvent)

    talking(talk)


async def all_heard(call: PlayedCall) -> bytes:
    """All sound of a call that is over, up to its end."""
    heard = b""
    with suppress(ConnectionClosed):
        while True:
            heard += await call.peer.hear()
    return heard


def test_a_session_near_its_end_is_left_for_another_call() -> None:
    async def talk(conversation: Conversation, server: PlayedCalls) -> None:
        async with conversation.stream(SessionRestored) as notices:
            await asyncio.wait_for(notices.receive(), 200)
        first, second = server.calls
        assert conversation.call_id == "rtc_2"
        await conversation.send_audio(tone(5, 700))
        while not (frame := await second.peer.hear()).strip(b"\0"):
            pass
        assert frame == tone(1, 700)
        assert (await all_heard(first)).strip(b"\0") == b""

    talking(talk, lasts_s=300)
