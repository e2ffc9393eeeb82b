"""Known problems of realtime clients with audio: barge-in, formats, short commits, late transcripts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.client import Conversation, converse
from duologue.errors import LocalProtocolError
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    ConversationItemTruncateEvent,
    PcmuAudioFormat,
    RealtimeSessionConfig,
)
from duologue.notices import AudioDelta, AudioDone, ErrorReported, Interrupted, ItemDone, SessionChanged, UserTranscript
from duologue.testing import Expect, ScriptedServer, ScriptStep, Send, Until
from tests.client._frames import added, answer, audio_delta, created, done, ended, greeting, message, unasked, updated
from tests.client._waiting import following, no_task_left

SECOND = bytes(PCM.bytes_per_s)
PLACE = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
SPEECH_STARTED = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 900, "item_id": "item_u"}
TRUNCATED = {"type": "conversation.item.truncated", "item_id": "item_1", "content_index": 0}


def speech(audio: bytes, *, pieces: int = 1) -> tuple[Any, ...]:
    """A response that begins to speak, unasked."""
    step = len(audio) // pieces
    return (
        unasked(created("resp_1")),
        added(message("item_1", "assistant", status="in_progress")),
        *(audio_delta("resp_1", "item_1", audio[n * step : (n + 1) * step]) for n in range(pieces)),
    )


def truncates(server: ScriptedServer) -> list[Mapping[str, Any]]:
    """Every truncate that the client sent."""
    return [event for event in server.received[0] if event["type"] == "conversation.item.truncate"]


async def interrupted(script: Sequence[ScriptStep], heard_ms: list[int], encoding: Encoding = PCM) -> ScriptedServer:
    """Two pieces of audio come, so much of them is played, then the user speaks; at the end the client is done."""
    spoken = asyncio.Event()
    server = ScriptedServer([*script, Until(spoken), Send(SPEECH_STARTED), Send(updated())])
    async with (
        no_task_left(),
        converse(open_connection=server.connect) as conversation,
        conversation.stream(AudioDelta, SessionChanged) as notices,
    ):
        pieces = 0
        while pieces < 2:
            [notice] = await following(notices)
            pieces += isinstance(notice, AudioDelta)
        for ms in heard_ms:
            conversation.report_played("item_1", n_bytes=encoding.bytes_for_ms(ms))
        spoken.set()
        while not isinstance((await following(notices))[0], SessionChanged):
            pass
    return server


@pytest.mark.parametrize(
    ("heard_ms", "cut_at_ms"),
    [([], None), ([0], None), ([300], 300), ([300, 400], 700), ([2000], 2000), ([2000, 1207], 2000)],
)
async def test_pain_04_a_barge_in_cuts_exactly_what_was_not_played(heard_ms: list[int], cut_at_ms: int | None) -> None:
    server = await interrupted([Send(greeting(), *speech(2 * SECOND, pieces=2))], heard_ms)
    assert [event["audio_end_ms"] for event in truncates(server)] == ([] if cut_at_ms is None else [cut_at_ms])


async def test_pain_04_what_was_played_is_counted_in_the_encoding_that_was_negotiated() -> None:
    mulaw: dict[str, Any] = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    script = [Send(greeting(**mulaw), *speech(bytes(2 * PCMU.bytes_per_s), pieces=2))]
    server = await interrupted(script, [300], PCMU)
    assert [event["audio_end_ms"] for event in truncates(server)] == [300]


async def test_pain_04_speech_that_was_played_to_its_end_is_not_cut_any_more() -> None:
    all_there = {"type": "response.output_audio.done", **PLACE}
    script = [Send(greeting(), *speech(2 * SECOND, pieces=2), all_there)]
    server = await interrupted(script, [2000])
    assert truncates(server) == []


async def test_pain_04_audio_that_still_comes_after_an_interruption_is_not_played() -> None:
    late = asyncio.Event()
    server = ScriptedServer(
        [
            Send(greeting(), *speech(SECOND)),
            Expect("response.cancel"),
            Expect("conversation.item.truncate"),
            Until(late),
            Send(audio_delta("resp_1", "item_1", SECOND), {**TRUNCATED, "audio_end_ms": 500}),
            Send({"type": "response.output_audio.done", **PLACE}, unasked(ended("resp_1", status="cancelled"))),
        ]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(AudioDelta, AudioDone, Interrupted) as notices:
            await following(notices)
            conversation.report_played("item_1", n_bytes=PCM.bytes_for_ms(500))
            await conversation.interrupt()
            late.set()
            assert [type(notice) for notice in await following(notices, 2)] == [Interrupted, AudioDone]
        await conversation.interrupt()
    assert server.types() == ["response.cancel", "conversation.item.truncate"]


async def test_pain_04_what_the_interrupted_response_begins_to_say_afterwards_is_not_played() -> None:
    late = asyncio.Event()
    next_item = added(message("item_2", "assistant", status="in_progress"), after="item_1")
    server = ScriptedServer(
        [
            Send(greeting(), *speech(SECOND)),
            Until(late),
            Send(SPEECH_STARTED, next_item, audio_delta("resp_1", "item_2", SECOND)),
            Send(unasked(ended("resp_1", status="cancelled"))),
            Send(audio_delta("resp_1", "item_1", SECOND), updated()),
        ]
    )
    async with (
        no_task_left(),
        converse(open_connection=server.connect) as conversation,
        conversation.stream(AudioDelta, Interrupted, SessionChanged) as notices,
    ):
        while not isinstance((await following(notices))[0], AudioDelta):
            pass
        late.set()
        assert [type(notice) for notice in await following(notices, 2)] == [Interrupted, SessionChanged]


@pytest.mark.parametrize(
    "text",
    ["Audio content of 2700ms is already shorter than 3207ms", "Only model output audio messages can be truncated"],
)
async def test_pain_04_a_truncate_that_comes_too_late_ends_nothing(text: str) -> None:
    answered: list[ScriptStep] = [
        Expect("conversation.item.truncate"),
        Send({"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value", "message": text}}),
    ]
    server = ScriptedServer(
        [Send(greeting()), *answered, Expect("response.create"), Send(*answer("resp_2", "item_2", "Yes?"))]
    )
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(ErrorReported) as errors:
            await conversation.send(ConversationItemTruncateEvent(item_id="item_1", content_index=0, audio_end_ms=3207))
            [notice] = await following(errors)
        assert notice.kind.value == "benign"
        assert (await conversation.respond(timeout=5)).response.id == "resp_2"


async def test_pain_12_audio_of_another_rate_or_codec_is_refused_and_not_sent_as_noise() -> None:
    server = ScriptedServer([Send(greeting())])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        with pytest.raises(LocalProtocolError, match="8000 Hz and the session takes audio/pcm at 24000 Hz"):
            await conversation.send_audio(bytes(160), encoding=PCMU)
        with pytest.raises(LocalProtocolError, match="not whole"):
            await conversation.send_audio(bytes(481))
        assert await conversation.send_audio(bytes(480), encoding=PCM)
    assert [event["type"] for event in server.received[0]] == ["input_audio_buffer.append"]


async def test_pain_12_the_format_that_counts_is_the_one_that_the_server_reports() -> None:
    given: dict[str, Any] = {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    server = ScriptedServer([Send(greeting(**given))])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(SessionChanged) as notices:
            await following(notices)
        with pytest.raises(LocalProtocolError, match="24000 Hz and the session takes audio/pcmu at 8000 Hz"):
            await conversation.send_audio(bytes(480), encoding=PCM)
        assert await conversation.send_audio(bytes(160), encoding=PCMU)


async def test_pain_12_a_format_that_was_asked_for_and_not_given_is_reported_with_every_piece_of_audio() -> None:
    given = {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}}}}
    server = ScriptedServer([Send(greeting()), Expect("session.update"), Send(updated(**given), *speech(SECOND))])
    ask = RealtimeSessionConfig(audio=AudioConfig(output=AudioOutputConfig(format=PcmuAudioFormat())))
    async with no_task_left(), converse(open_connection=server.connect, session=ask) as conversation:
        async with conversation.stream(AudioDelta) as notices:
            [delta] = await following(notices)
        assert delta.encoding == PCM


async def test_pain_12_telephone_audio_goes_both_ways_once_it_is_negotiated() -> None:
    telephone = {"format": {"type": "audio/pcmu"}}
    given = {"audio": {"input": telephone, "output": telephone}}
    server = ScriptedServer([Send(greeting()), Expect("session.update"), Send(updated(**given), *speech(bytes(160)))])
    config = RealtimeSessionConfig(
        audio=AudioConfig(
            input=AudioInputConfig(format=PcmuAudioFormat()), output=AudioOutputConfig(format=PcmuAudioFormat())
        )
    )
    async with no_task_left(), converse(open_connection=server.connect, session=config) as conversation:
        async with conversation.stream(AudioDelta) as notices:
            assert await conversation.send_audio(bytes(160), encoding=PCMU)
            [delta] = await following(notices)
        assert delta.encoding == PCMU
        with pytest.raises(LocalProtocolError, match="audio/pcm"):
            await conversation.send_audio(bytes(480), encoding=PCM)


@pytest.mark.parametrize(("ms", "fits"), [(0, False), (99, False), (100, True)])
async def test_pain_16_a_commit_of_less_than_a_tenth_of_a_second_is_refused_before_it_is_sent(
    ms: int, fits: bool
) -> None:
    server = ScriptedServer([Send(greeting())])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        if ms:
            await conversation.send_audio(bytes(PCM.bytes_for_ms(ms)))
        if fits:
            await conversation.commit()
        else:
            with pytest.raises(LocalProtocolError, match="append more first"):
                await conversation.commit()
    assert server.types() == (["input_audio_buffer.commit"] if fits else [])


async def test_pain_16_what_was_committed_does_not_count_for_the_next_commit() -> None:
    server = ScriptedServer([Send(greeting())])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        await conversation.send_audio(bytes(PCM.bytes_for_ms(150)))
        await conversation.commit()
        with pytest.raises(LocalProtocolError, match="0 ms"):
            await conversation.commit()


def transcript(item_id: str, text: str) -> dict[str, Any]:
    return {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item_id,
        "content_index": 0,
        "transcript": text,
        "usage": {"type": "duration", "seconds": 1},
    }


def words(conversation: Conversation) -> list[tuple[str, str]]:
    return [(item.item_id, item.text) for item in conversation.items]


async def test_pain_14_a_transcript_that_comes_after_the_answer_stands_before_it() -> None:
    spoken = message("item_u", "user", "?", kind="input_audio")
    spoken["content"][0]["transcript"] = None
    frames = [
        {"type": "input_audio_buffer.committed", "item_id": "item_u", "previous_item_id": None},
        added(spoken),
        done(spoken),
        *(frame({}) if callable(frame) else frame for frame in answer("resp_1", "item_a", "Seven.", after="item_u")),
        transcript("item_u", "How many?"),
    ]
    server = ScriptedServer([Send(greeting(), *frames)])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(UserTranscript) as notices:
            [notice] = await following(notices)
        assert (notice.item_id, notice.transcript) == ("item_u", "How many?")
        assert words(conversation) == [("item_u", "How many?"), ("item_a", "Seven.")]


async def test_pain_14_items_stand_where_they_say_that_they_belong_whenever_they_come() -> None:
    third, second, first = (message(f"item_{n}", "user", f"{n}") for n in (3, 2, 1))
    frames = [done(third, after="item_2"), done(second, after="item_1"), added(first), done(first), done(first)]
    last = done(message("item_4", "user", "4"), after="item_3")
    server = ScriptedServer([Send(greeting(), transcript("item_9", "early"), *frames, last)])
    async with no_task_left(), converse(open_connection=server.connect) as conversation:
        async with conversation.stream(ItemDone) as notices:
            while (await following(notices))[0].item.item_id != "item_4":
                pass
        assert [text for _, text in words(conversation)] == ["1", "2", "3", "4"]
