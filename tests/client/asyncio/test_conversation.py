"""Known problems of realtime clients that a conversation solves: racing responses, fatal errors, lost values."""

from __future__ import annotations

import asyncio

import pytest

from duologue.client import converse
from duologue.errors import LocalProtocolError, RequestRejected
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    InputAudioBufferClearEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseCreateParams,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.notices import ErrorReported, ResponseFinished, SessionChanged, Unreadable
from duologue.protocol.client.error_kinds import ErrorKind
from duologue.protocol.states import SEQUENCE, SequenceInput, SequenceState
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send, Until
from tests._tables import without
from tests.client._frames import answer, created, ended, error, greeting, refused, response, unasked, updated
from tests.client._waiting import FAST, following, no_task_left

BUSY = "conversation_already_has_active_response"


async def test_pain_01_a_create_that_loses_the_race_is_sent_again_when_the_other_response_is_done() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(unasked(created("resp_vad")), refused("response.create", BUSY), unasked(ended("resp_vad"))),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Here I am.")),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        done = await conversation.respond(timeout=5)
        assert done.response.id == "resp_2"
    assert server.faults == []


async def test_pain_01_two_tasks_that_want_a_response_get_one_each_after_the_other() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(*answer("resp_1", "item_1", "One.")),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Two.", after="item_1")),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        both = await asyncio.gather(conversation.respond(timeout=5), conversation.respond(timeout=5))
        assert [done.response.id for done in both] == ["resp_1", "resp_2"]
    assert server.faults == []


async def test_pain_01_no_create_goes_out_between_a_cancel_and_the_end_of_what_it_cancels() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(created("resp_1")),
            Expect("response.cancel"),
            Send(error("something", "a word in between")),
            Expect("input_audio_buffer.clear"),
            Send(ended("resp_1", status="cancelled")),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Yes?")),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
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
    assert server.faults == []


async def test_pain_01_a_request_with_the_policy_refuse_is_refused_at_once() -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(created("resp_1"))])
    async with no_task_left():
        async with converse(open_connection=server.connect) as conversation:
            running = asyncio.ensure_future(conversation.respond())
            await server.wait_for("response.create")
            with pytest.raises(LocalProtocolError, match="has a response already"):
                await conversation.respond(policy="refuse")
            assert not running.done()
        with pytest.raises(RequestRejected, match="over"):
            await running


async def test_pain_01_a_response_beside_the_conversation_does_not_wait_for_the_one_in_it() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(created("resp_1")),
            Expect("response.create"),
            Send(created("resp_2", conversation_id=None), ended("resp_2", conversation_id=None)),
        ]
    )
    async with no_task_left():
        async with converse(open_connection=server.connect) as conversation:
            running = asyncio.ensure_future(conversation.respond())
            await server.wait_for("response.create")
            out_of_band = ResponseCreateEvent(response=ResponseCreateParams(conversation="none"))
            assert (await conversation.respond(out_of_band, timeout=5)).response.id == "resp_2"
            assert not running.done()
        with pytest.raises(RequestRejected, match="over"):
            await running


@pytest.mark.parametrize("code", ["response_cancel_not_active", "something_nobody_has_heard_of", "invalid_value"])
async def test_pain_09_an_error_is_reported_with_the_command_that_it_answers_and_ends_nothing(code: str) -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Send(refused("session.update", code)),
            Expect("response.create"),
            Send(*answer("resp_1", "item_1", "Still here.")),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(ErrorReported) as errors:
            update = SessionUpdateEvent(event_id="mine", session=RealtimeSessionConfig(instructions="Be brief."))
            await conversation.send(update)
            [notice] = await following(errors)
        assert notice.command is not None
        assert (notice.command.event_id, notice.event.error.code) == ("mine", code)
        assert notice.kind is not ErrorKind.SESSION_ENDING
        assert (await conversation.respond(timeout=5)).response.id == "resp_1"
    assert server.faults == []


async def test_pain_09_a_refused_request_fails_at_once_with_the_error_that_answered_it() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(refused("response.create", "invalid_value", "No such tool.")),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        with pytest.raises(RequestRejected, match="No such tool") as caught:
            await conversation.respond(timeout=5)
        assert caught.value.error is not None
        assert caught.value.error.error.code == "invalid_value"


@pytest.mark.parametrize("close", [Close(3000), Close(1011), Drop()])
async def test_pain_09_an_error_that_ends_the_session_for_good_is_the_reason_of_its_end(close: Close | Drop) -> None:
    server = ScriptedServer([Send(greeting(), error("invalid_api_key", "Incorrect API key provided.")), close])
    async with no_task_left(), converse(open_connection=server.connect, reconnect=FAST) as conversation:
        async with conversation.stream(ErrorReported) as errors:
            with pytest.raises(Exception, match="Incorrect API key"):
                await following(errors, 2)
        with pytest.raises(Exception, match="Incorrect API key"):
            await conversation.send_text("hello")
    assert len(server.received) == 1


async def test_pain_15_null_absent_and_a_value_are_three_things_on_the_wire_and_back() -> None:
    off = {"audio": {"input": {"turn_detection": None}}}
    listening = asyncio.Event()
    server = ScriptedServer([Send(greeting()), Expect("session.update"), Until(listening), Send(updated(**off))])
    config = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))
    async with (
        no_task_left(),
        converse(open_connection=server.connect, session=config) as conversation,
        conversation.stream(SessionChanged) as changes,
    ):
        sent = await server.wait_for("session.update")
        listening.set()
        session = (await following(changes))[-1].session
    assert sent["session"] == {"type": "realtime", **off}
    assert isinstance(session, RealtimeSession)
    assert is_set(session.audio)
    assert is_set(session.audio.input)
    assert session.audio.input.turn_detection is None
    assert not is_set(session.audio.output)


async def test_pain_03_an_unknown_event_is_reported_and_the_conversation_goes_on() -> None:
    news = {"type": "response.emotion.delta", "mood": "fine"}
    server = ScriptedServer(
        [Send(greeting(), news, "no JSON at all"), Expect("response.create"), Send(*answer("resp_1", "item_1", "Hm."))]
    )
    async with (
        no_task_left(),
        converse(open_connection=server.connect) as conversation,
        conversation.stream(Unreadable) as unknown,
    ):
        assert (await conversation.respond(timeout=5)).response.id == "resp_1"
        found = await following(unknown, 2)
    assert isinstance(found[0].event, UnknownRealtimeEvent)
    assert found[0].event.json["mood"] == "fine"


async def test_pain_19_usage_adds_up_by_modality_with_cached_and_cancelled_tokens_and_transcripts() -> None:
    usage = {
        "total_tokens": 150,
        "input_tokens": 100,
        "output_tokens": 50,
        "input_token_details": {
            "text_tokens": 40,
            "audio_tokens": 60,
            "cached_tokens": 30,
            "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 20},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
    }
    transcript = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_u",
        "content_index": 0,
        "transcript": "Hello?",
        "usage": {"type": "duration", "seconds": 1.5},
    }
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(created("resp_1"), ended("resp_1", usage=usage), transcript, transcript),
            Expect("response.create"),
            Send(created("resp_2"), ended("resp_2", status="cancelled", usage=usage)),
            Send({"type": "response.done", "response": response("resp_2", "cancelled", usage=usage)}),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        await conversation.respond(timeout=5)
        await conversation.respond(timeout=5)
        cost = conversation.usage
    assert (cost.input.text_tokens, cost.input.audio_tokens, cost.input.cached_tokens) == (80, 120, 60)
    assert (cost.output.text_tokens, cost.output.audio_tokens) == (20, 80)
    assert (cost.transcription.transcripts, cost.transcription.seconds) == (1, 1.5)
    assert dict(cost.responses) == {"completed": 1, "cancelled": 1}


@pytest.mark.usefixtures("illegal_transitions_are_reported")
async def test_an_illegal_transition_is_logged_once_and_the_conversation_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = without(SEQUENCE, SequenceState.IDLE, SequenceInput.CREATE_SENT)
    monkeypatch.setattr("duologue.protocol.client.responses.sequencer.SEQUENCE", lacking)
    asked = (Expect("response.create"), Send(*answer("resp_1", "item_1", "Yes.")))
    asked_again = (Expect("response.create"), Send(*answer("resp_2", "item_2", "Yes.")))
    server = ScriptedServer([Send(greeting()), *asked, *asked_again])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        for _ in range(2):
            await conversation.respond(timeout=5)
    records = [record for record in caplog.records if "illegal transition" in record.getMessage()]
    assert [(record.name.startswith("duologue.client"), record.levelname) for record in records] == [(True, "ERROR")]
    assert "sequence: 'create sent' while 'idle'" in records[0].getMessage()
