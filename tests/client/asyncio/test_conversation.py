"""Known problems of realtime clients that a conversation solves: racing responses, fatal errors, lost values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from duologue.audio.buffers import mono_pcm16
from duologue.audio.formats import PCM, PCMU
from duologue.audio.levels import level_dbfs
from duologue.audio.wav import Sound
from duologue.client import converse
from duologue.errors import ConnectionClosed, LocalProtocolError, NotConnected, RequestRejected
from duologue.events import AudioConfig, AudioInputConfig, InputAudioBufferClearEvent, RealtimeSessionConfig
from duologue.notices import AudioNotCommitted, ConnectionLost, ErrorReported, ResponseFinished
from duologue.protocol.states import SEQUENCE, SequenceInput, SequenceState
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send, Until
from tests._tables import without
from tests.client._frames import (
    asks,
    created,
    creates_item,
    ended,
    error,
    greeting,
    refused,
    replies,
    sent_audio,
    serving,
    taken,
    updated,
)
from tests.client._waiting import following, no_task_left, talking

BY_HAND = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))
WITHOUT_TURN_DETECTION = replies("session.update", updated(audio={"input": {"turn_detection": None}}))


async def test_pain_01_two_tasks_that_want_a_response_get_one_each_after_the_other() -> None:
    server = serving([*asks("resp_1", "item_1", "One."), *asks("resp_2", "item_2", "Two.", after="item_1")])
    async with talking(server) as conversation:
        both = await asyncio.gather(conversation.respond(timeout=5), conversation.respond(timeout=5))
        assert [done.response.id for done in both] == ["resp_1", "resp_2"]


async def test_pain_01_no_create_goes_out_between_a_cancel_and_the_end_of_what_it_cancels() -> None:
    server = serving(
        [
            *replies("response.create", created("resp_1")),
            *replies("response.cancel", error("something", "a word in between")),
            *replies("input_audio_buffer.clear", ended("resp_1", status="cancelled")),
            *asks("resp_2", "item_2", "Yes?"),
        ]
    )
    async with talking(server) as conversation:
        async with conversation.stream(ResponseFinished) as ends, conversation.stream(ErrorReported) as words:
            first = asyncio.ensure_future(conversation.respond(timeout=5))
            await server.wait_for("response.create")
            cancelling = asyncio.ensure_future(conversation.cancel())
            second = asyncio.ensure_future(conversation.respond(timeout=5))
            await following(words)
            assert await cancelling
            await conversation.send(InputAudioBufferClearEvent())  # behind which a create that went out would come
            await following(ends, 2)
        assert (await first).response.status == "cancelled"
        assert (await second).response.id == "resp_2"


async def test_pain_01_a_request_with_the_policy_refuse_is_refused_at_once() -> None:
    server = serving(replies("response.create", created("resp_1")))
    async with no_task_left():
        async with converse(open_connection=server.connect) as conversation:
            running = asyncio.ensure_future(conversation.respond())
            await server.wait_for("response.create")
            with pytest.raises(LocalProtocolError, match="has a response already"):
                await conversation.respond(policy="refuse")
            assert not running.done()
        with pytest.raises(RequestRejected, match="over"):
            await running


async def test_pain_09_a_refused_request_fails_at_once_with_the_error_that_answered_it() -> None:
    server = serving(replies("response.create", refused("response.create", "invalid_value", "No such tool.")))
    async with talking(server) as conversation:
        with pytest.raises(RequestRejected, match="No such tool") as caught:
            await conversation.respond(timeout=5)
        assert caught.value.error is not None
        assert caught.value.error.error.code == "invalid_value"


@pytest.mark.parametrize("close", [Close(3000), Close(1011), Drop()])
async def test_pain_09_an_error_that_ends_the_session_for_good_is_the_reason_of_its_end(close: Close | Drop) -> None:
    server = serving([Send(error("invalid_api_key", "Incorrect API key provided.")), close])
    async with talking(server) as conversation:
        async with conversation.stream(ErrorReported) as errors:
            with pytest.raises(Exception, match="Incorrect API key"):
                await following(errors, 2)
        with pytest.raises(Exception, match="Incorrect API key"):
            await conversation.send_text("hello")
    assert len(server.received) == 1


async def test_pain_12_audio_of_another_codec_is_converted_and_not_sent_as_noise() -> None:
    server = serving([])
    async with talking(server) as conversation:
        assert await conversation.send_audio(bytes([0xFF] * 160), encoding=PCMU)
        await conversation.end_input_stream()
        with pytest.raises(LocalProtocolError, match="not whole"):
            await conversation.send_audio(bytes(481))
        assert await conversation.send_audio(bytes(480), encoding=PCM)
    assert sent_audio(server) == bytes(2 * 3 * 160 + 480)


async def test_audio_of_any_rate_and_channel_count_becomes_the_session_s_and_a_commit_ends_its_stream() -> None:
    server = serving([Expect("input_audio_buffer.commit"), Expect("input_audio_buffer.commit")])
    tone = (0.5 * np.sin(np.arange(9_600) / 20)).astype(np.float32)
    stereo = np.stack([tone, tone], axis=1)
    async with talking(server) as conversation:
        for start in range(0, len(tone), 441):  # from a sound card
            assert await conversation.send_audio(stereo[start : start + 441], rate_hz=48_000)
        await conversation.commit()
        await server.wait_for("input_audio_buffer.commit")
        heard = sent_audio(server)
        assert len(heard) == len(tone)  # two bytes for each sample, and half of the samples
        await conversation.send_audio(Sound(bytes(2 * 16_000 * 3), 16_000))
        await conversation.commit()
    audio = [event for event in server.received[0] if event["type"] == "input_audio_buffer.append"]
    assert len(sent_audio(server)) == len(tone) + 3 * 48_000
    assert max(len(event["audio"]) for event in audio) <= 64_000  # a clip goes out in pieces of a second
    assert level_dbfs(heard) == pytest.approx(level_dbfs(mono_pcm16(tone)), abs=0.2)


@pytest.mark.usefixtures("illegal_transitions_are_reported")
async def test_an_illegal_transition_is_logged_once_and_the_conversation_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = without(SEQUENCE, SequenceState.IDLE, SequenceInput.CREATE_SENT)
    monkeypatch.setattr("duologue.protocol.client.responses.sequencer.SEQUENCE", lacking)
    server = serving([*asks("resp_1", "item_1", "Yes."), *asks("resp_2", "item_2", "Yes.")])
    async with talking(server) as conversation:
        for _ in range(2):
            await conversation.respond(timeout=5)
    records = [record for record in caplog.records if "illegal transition" in record.getMessage()]
    assert [(record.name.startswith("duologue.client"), record.levelname) for record in records] == [(True, "ERROR")]
    assert "sequence: 'create sent' while 'idle'" in records[0].getMessage()


async def test_a_conversation_has_a_transcript_and_an_export_of_what_was_said() -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.", after="item_1")])
    async with talking(server) as conversation:
        await conversation.send_text("Hi")
        await conversation.respond(timeout=5)
        assert str(conversation.transcript()) == "user: Hi\nassistant: Hello."
        exported = conversation.to_json()
    assert [item["text"] for item in exported["items"]] == ["Hi", "Hello."]
    assert exported["session"] == {"id": "sess_1", "model": "scripted"}
    assert exported["usage"]["responses"] == {"completed": 1}


# --- a forgotten commit


async def test_a_response_to_speech_that_is_not_committed_names_what_was_forgotten() -> None:
    server = serving(
        [
            *WITHOUT_TURN_DETECTION,
            Expect("input_audio_buffer.commit"),
            *asks("resp_1", "item_1", "Yes."),
        ]
    )
    async with talking(server, session=BY_HAND) as conversation:
        await conversation.send_audio(bytes(48_000))
        with pytest.raises(LocalProtocolError, match=r"the 1000 ms of audio .* call commit\(\) first"):
            await conversation.respond(timeout=5)
        await conversation.commit()
        assert (await conversation.respond(timeout=5)).response.id == "resp_1"


async def test_a_question_beside_speech_that_is_not_committed_is_answered_and_the_log_says_what_is_not_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turns = [step for n in (1, 2) for step in (*creates_item(f"q{n}"), *asks(f"r{n}", f"a{n}", "Yes."))]
    server = serving([*WITHOUT_TURN_DETECTION, *turns])
    async with talking(server, session=BY_HAND) as conversation, conversation.stream(AudioNotCommitted) as unheard:
        await conversation.send_audio(bytes(48_000))
        for _ in range(2):
            assert await conversation.ask("Well?", timeout=5) == "Yes."
        assert await following(unheard) == [AudioNotCommitted(1000)]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "does not hear the 1000 ms of audio" in warnings[0]
    assert "call commit() first" in warnings[0]


async def test_what_is_no_audio_is_a_type_error() -> None:
    wrong: Any = "question.wav"
    async with talking(serving([])) as conversation:
        with pytest.raises(TypeError, match="words are sent with send_text"):
            await conversation.send_audio(wrong)


# --- while the connection is lost


async def test_while_the_connection_is_lost_every_verb_says_so_and_restored_waits_for_the_next() -> None:
    go_on = asyncio.Event()
    again = ScriptedServer(
        [Send(greeting("sess_1")), Expect("conversation.item.create"), Send(*taken("item_1")), Drop()],
        [
            Until(go_on),
            Send(greeting("sess_2")),
            *replies("session.update", updated()),
            *creates_item("item_2"),
            *creates_item("item_3"),
            *asks("resp_1", "item_4", "Yes."),
        ],
    )
    async with talking(again) as conversation:
        await conversation.restored(timeout=0)
        async with conversation.stream(ConnectionLost) as losses:
            await conversation.send_text("hello")
            await following(losses)
        verbs: list[Callable[[], Awaitable[object]]] = [
            lambda: conversation.send_text("x"),
            lambda: conversation.ask("x"),
            conversation.respond,
            conversation.commit,
            lambda: conversation.send(InputAudioBufferClearEvent()),
        ]
        for verb in verbs:
            with pytest.raises(NotConnected, match=r"another one is being opened; wait for it with restored\(\)"):
                await verb()
        assert not await conversation.send_audio(bytes(480))
        await conversation.update_session(RealtimeSessionConfig(instructions="Be brief."))
        with pytest.raises(TimeoutError):
            await conversation.restored(timeout=0.01)
        go_on.set()
        await conversation.restored(timeout=5)
        assert await conversation.ask("Well?", timeout=5) == "Yes."


async def test_waiting_for_a_connection_ends_when_there_will_be_none() -> None:
    go_on = asyncio.Event()
    server = ScriptedServer(
        [Send(greeting()), Expect("conversation.item.create"), Drop()],
        [Until(go_on), Send(error("invalid_api_key", "It has expired.")), Close(3000)],
    )
    async with talking(server) as conversation:
        async with conversation.stream(ConnectionLost) as losses:
            await conversation.send_text("hello")
            await following(losses)
        waiting = asyncio.ensure_future(conversation.restored(timeout=5))
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(ConnectionClosed, match="It has expired"):
            await waiting
        with pytest.raises(ConnectionClosed):
            await conversation.restored()


# --- errors that nothing claims


async def test_an_error_that_no_request_claims_is_logged_once_with_the_command_that_it_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusal = refused("conversation.item.create", "invalid_value", "Invalid value: 'my secret'.")
    server = serving([*replies("conversation.item.create", refusal), Send(error("odd", "Something odd."))])
    async with talking(server) as conversation, conversation.stream(ErrorReported) as errors:
        await conversation.send_text("my secret")
        await following(errors, 2)
    logged = [(record.name, record.getMessage()) for record in caplog.records if record.levelname == "ERROR"]
    assert logged == [
        (
            "duologue.client",
            "the server reports an error in answer to conversation.item.create: Invalid value: '…'. (invalid_value)",
        ),
        ("duologue.client", "the server reports an error: Something odd. (odd)"),
    ]
