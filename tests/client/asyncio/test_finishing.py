"""The order of commands that a vendor's server insists on, sent by a client that was written for any server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue import blocking, connect, converse
from duologue.audio.formats import Encoding
from duologue.errors import ConnectionClosedOK, LocalProtocolError, RequestRejected
from duologue.events import (
    AudioTranscription,
    InputAudioBufferAppendEvent,
    InputAudioBufferCommitEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeEvent,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
)
from duologue.notices import UserTranscript
from duologue.testing import GREETING, Close, Expect, ScriptedServer, Send

pytestmark = pytest.mark.timeout(30)

VLLM_GREETING = '{"type":"session.created","id":"sess-1","created":1790000000}'
SPEECH = bytes(3200)
"""100 ms at 16 kHz."""


def done(text: str) -> str:
    return f'{{"type":"transcription.done","text":"{text}","usage":null}}'


def an_utterance(text: str) -> list[Any]:
    return [
        Expect("input_audio_buffer.commit"),
        Expect("input_audio_buffer.commit"),
        Send({"type": "transcription.delta", "delta": text}, done(text)),
    ]


def vllm(*texts: str) -> ScriptedServer:
    utterances = [step for text in texts for step in an_utterance(text)]
    return ScriptedServer([Send(VLLM_GREETING), Expect("session.update"), *utterances])


def order(server: ScriptedServer) -> list[str]:
    """What was sent, in words of that dialect; audio in a row counts once."""
    words: list[str] = []
    for event in server.received[0]:
        match event:
            case {"type": "session.update", "model": model}:
                words.append(f"model {model}")
            case {"type": "input_audio_buffer.commit", "final": True}:
                words.append("end")
            case {"type": "input_audio_buffer.commit"}:
                words.append("begin")
            case {"type": "input_audio_buffer.append"}:
                words += [] if words[-1:] == ["audio"] else ["audio"]
            case other:
                words.append(str(other["type"]))
    return words


UTTERANCE = ["begin", "audio", "end"]


@pytest.mark.parametrize("dialect", ["vllm", "vllm-omni", "auto"])
async def test_a_conversation_with_vllm_names_the_model_and_begins_and_ends_its_utterance(dialect: str) -> None:
    server = vllm("hello")
    async with (
        server.listening() as url,
        converse(url, model="voxtral", dialect=dialect) as conversation,
        conversation.stream(UserTranscript) as transcripts,
    ):
        await conversation.send_audio(SPEECH, encoding=Encoding.of("audio/pcm", 16_000))
        await conversation.send_audio(SPEECH)
        await conversation.commit()
        told = await asyncio.wait_for(anext(aiter(transcripts)), 5)
        await server.played()
    assert told.transcript == "hello"
    assert order(server) == ["model voxtral", *UTTERANCE]
    assert server.faults == []


async def test_a_model_in_the_url_is_named_as_well() -> None:
    server = vllm("hello")
    async with server.listening() as url, converse(f"{url}?model=voxtral", dialect="vllm") as conversation:
        await conversation.send_audio(SPEECH)
        await conversation.finish(timeout=5)
    assert order(server)[0] == "model voxtral"


async def test_finish_ends_the_utterance_and_waits_for_its_transcript() -> None:
    server = vllm("hello")
    async with server.listening() as url, converse(url, model="voxtral", dialect="vllm") as conversation:
        texts: list[str] = []
        conversation.on(UserTranscript, lambda notice: texts.append(notice.transcript))
        await conversation.send_audio(SPEECH)
        await conversation.finish(timeout=5)
        assert texts == ["hello"]
        await conversation.finish(timeout=5)  # there is nothing more to end
    assert order(server) == ["model voxtral", *UTTERANCE]


def say_and_finish(url: str) -> str:
    with (
        blocking.converse(url, model="voxtral", dialect="vllm") as conversation,
        conversation.stream(UserTranscript) as transcripts,
    ):
        conversation.send_audio(SPEECH)
        conversation.send_audio(SPEECH)
        conversation.finish(timeout=5)
        return next(iter(transcripts)).transcript


async def test_the_blocking_conversation_does_the_same() -> None:
    server = vllm("hello")
    async with server.listening() as url:
        assert await asyncio.wait_for(asyncio.to_thread(say_and_finish, url), 10) == "hello"
    assert order(server) == ["model voxtral", *UTTERANCE]


async def test_an_application_that_knows_the_order_is_left_alone() -> None:
    server = vllm("hello")
    async with server.listening() as url, converse(url, model="voxtral", dialect="vllm") as conversation:
        await conversation.commit()
        await conversation.send_audio(SPEECH)
        final = RealtimeEvent.from_json({"type": "input_audio_buffer.commit", "final": True})
        await conversation.send(final)
        await server.played()
    assert order(server) == ["model voxtral", *UTTERANCE]


async def test_a_connection_sends_in_that_order_too() -> None:
    server = vllm("hello")
    async with server.listening() as url, connect(url, model="voxtral", dialect="vllm") as connection:
        await connection.append(SPEECH)
        await connection.send(InputAudioBufferAppendEvent.from_audio(SPEECH))
        await connection.send(InputAudioBufferCommitEvent())
        while not isinstance(await connection.receive(timeout=5), InputAudioTranscriptionCompletedEvent):
            pass
    assert order(server) == ["model voxtral", *UTTERANCE]


async def test_what_is_said_while_the_last_utterance_is_transcribed_waits_for_its_end() -> None:
    # The server drops audio that comes before its `transcription.done`, and ignores a commit.
    script = [
        Send(VLLM_GREETING),
        Expect("session.update"),
        Expect("input_audio_buffer.commit"),
        Expect("input_audio_buffer.commit"),
        Expect("something.else"),
        Send(done("first")),
        *an_utterance("second"),
    ]
    server = ScriptedServer(script)
    async with server.listening() as url, converse(url, model="voxtral", dialect="vllm") as conversation:
        texts: list[str] = []
        conversation.on(UserTranscript, lambda notice: texts.append(notice.transcript))
        for _ in range(2):
            await conversation.send_audio(SPEECH)
            await conversation.commit()
        await conversation.send(RealtimeEvent.from_json({"type": "something.else"}))
        await conversation.finish(timeout=5)
        assert texts == ["first", "second"]
    assert order(server) == ["model voxtral", *UTTERANCE, "something.else", *UTTERANCE]
    assert server.faults == []


async def test_a_server_that_fails_at_an_utterance_takes_the_next_one() -> None:
    script = [
        Send(VLLM_GREETING),
        Expect("session.update"),
        Expect("input_audio_buffer.commit"),
        Expect("input_audio_buffer.commit"),
        Send('{"type":"error","error":"out of memory","code":"processing_error"}'),
        *an_utterance("second"),
    ]
    server = ScriptedServer(script)
    async with server.listening() as url, converse(url, model="voxtral", dialect="vllm") as conversation:
        for _ in range(2):
            await conversation.send_audio(SPEECH)
            await conversation.commit()
        await conversation.finish(timeout=5)
        await server.played()
    assert order(server) == ["model voxtral", *UTTERANCE, *UTTERANCE]


async def test_a_model_that_must_be_named_and_is_not_is_asked_for_at_the_first_audio() -> None:
    server = ScriptedServer([Send(VLLM_GREETING), Expect("session.update"), *an_utterance("hello")])
    async with server.listening() as url, converse(url, dialect="vllm") as conversation:
        with pytest.raises(LocalProtocolError, match="model="):
            await conversation.send_audio(SPEECH)
        named = TranscriptionSessionAudioInput(transcription=AudioTranscription(model="voxtral"))
        await conversation.update_session(TranscriptionSessionConfig(audio=TranscriptionSessionAudio(input=named)))
        await conversation.drain()
        await conversation.send_audio(SPEECH)
        await conversation.finish(timeout=5)
    assert order(server) == ["model voxtral", *UTTERANCE]


async def test_a_server_that_is_not_asked_for_responses_says_how_it_is_asked() -> None:
    server = vllm()
    async with server.listening() as url, converse(url, model="voxtral", dialect="vllm") as conversation:
        with pytest.raises(LocalProtocolError, match=r"no such command.* commit\(\) or finish\(\)"):
            await conversation.respond(timeout=5)


# --- a command for the end of all audio -------------------------------------------------------------------------------

COMPLETED = {
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "content_index": 0,
    "transcript": "hello",
    "usage": {"type": "duration", "seconds": 1},
}


def finishing(command: str, answer: str) -> ScriptedServer:
    return ScriptedServer([Send(GREETING), Expect(command), Send(COMPLETED, {"type": answer}), Close()])


@pytest.mark.parametrize(
    ("dialect", "model", "command", "answer"),
    [
        ("qwen", "qwen3-asr-flash-realtime", "session.finish", "session.finished"),
        ("qwen", "qwen3-livetranslate-flash-realtime", "session.finish", "session.finished"),
        ("sglang", "any", "session.close", "session.closed"),
        ("speaches", "any", "session.close", "session.closed"),
    ],
)
async def test_finish_sends_the_command_and_waits_for_its_answer(
    dialect: str, model: str, command: str, answer: str
) -> None:
    server = finishing(command, answer)
    async with server.listening() as url, converse(url, model=model, dialect=dialect) as conversation:
        texts: list[str] = []
        conversation.on(UserTranscript, lambda notice: texts.append(notice.transcript))
        await conversation.send_audio(SPEECH)
        await conversation.finish(timeout=5)
        assert texts == ["hello"]
    assert server.types() == [command]
    assert server.faults == []


async def test_a_refusal_of_the_command_is_raised() -> None:
    refuse = Send(lambda sent: {"type": "error", "error": {"type": "invalid_request_error", "code": "c",
                  "message": "not here", "event_id": sent["session.finish"]["event_id"]}})  # fmt: skip
    server = ScriptedServer([Send(GREETING), Expect("session.finish"), refuse])
    async with server.listening() as url, converse(url, model="qwen3-asr-flash", dialect="qwen") as conversation:
        with pytest.raises(RequestRejected, match="not here"):
            await conversation.finish(timeout=5)


async def test_a_session_that_ends_without_the_answer_is_told() -> None:
    server = ScriptedServer([Send(GREETING), Expect("session.finish"), Close()])
    async with server.listening() as url, converse(url, model="qwen3-asr-flash", dialect="qwen") as conversation:
        with pytest.raises((RequestRejected, ConnectionClosedOK)):
            await conversation.finish(timeout=5)


async def test_a_server_that_never_answers_is_not_waited_for_longer_than_that() -> None:
    server = ScriptedServer([Send(GREETING), Expect("session.finish")])
    async with server.listening() as url, converse(url, model="qwen3-asr-flash", dialect="qwen") as conversation:
        with pytest.raises(TimeoutError):
            await conversation.finish(timeout=0.05)


# --- servers without such a command -----------------------------------------------------------------------------------

MANUAL = {
    "type": "session.created",
    "session": {
        "type": "realtime",
        "id": "s",
        "object": "realtime.session",
        "audio": {"input": {"transcription": {"model": "m"}, "turn_detection": None}},
    },
}
COMMITTED = {"type": "input_audio_buffer.committed", "item_id": "item_1"}


@pytest.mark.parametrize(("dialect", "model"), [("openai", "gpt-realtime"), ("qwen", "qwen3-omni-flash-realtime")])
async def test_elsewhere_finish_commits_the_rest_and_waits_for_its_transcript(dialect: str, model: str) -> None:
    server = ScriptedServer([Send(MANUAL), Expect("input_audio_buffer.commit"), Send(COMMITTED, COMPLETED)])
    async with server.listening() as url, converse(url, model=model, dialect=dialect) as conversation:
        texts: list[str] = []
        conversation.on(UserTranscript, lambda notice: texts.append(notice.transcript))
        await conversation.send_audio(bytes(9600))
        await conversation.finish(timeout=5)
        assert texts == ["hello"]
    assert server.types() == ["input_audio_buffer.commit"]


async def test_finish_without_audio_sends_nothing() -> None:
    server = ScriptedServer([Send(MANUAL)])
    async with server.listening() as url, converse(url) as conversation:
        await conversation.finish(timeout=5)
    assert server.types() == []
