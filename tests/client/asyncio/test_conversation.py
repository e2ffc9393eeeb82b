"""Known problems of realtime clients that a conversation solves: racing responses, fatal errors, lost values."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from duologue.audio.buffers import mono_pcm16
from duologue.audio.formats import PCM, PCMU
from duologue.audio.levels import level_dbfs
from duologue.audio.wav import Sound
from duologue.client import converse
from duologue.errors import LocalProtocolError, RequestRejected
from duologue.events import InputAudioBufferClearEvent
from duologue.notices import ErrorReported, ResponseFinished
from duologue.protocol.states import SEQUENCE, SequenceInput, SequenceState
from duologue.testing import Close, Drop, Expect, Send
from tests._tables import without
from tests.client._frames import asks, created, creates_item, ended, error, refused, replies, sent_audio, serving
from tests.client._waiting import following, no_task_left, talking


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
