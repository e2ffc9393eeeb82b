"""A transcriber behind a URL reads every spelling of a transcript; a failure is a sentence for operator and caller."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.audio.wav import parse_wav
from duologue.engines.checks import check_transcriber
from duologue.engines.remote.transcriber import RemoteTranscriber
from duologue.errors import EngineError
from tests.engines._stand_in import Endpoint, endpoint, http, sse

KEY = "sk-do-not-tell"
SPEECH = b"\1\0" * 16_000
WHOLE = http("200 OK", b'{"text": " Hello there. "}')


@asynccontextmanager
async def transcriber(url: str, **options: Any) -> AsyncGenerator[RemoteTranscriber]:
    options = {"model": "ears", **options}
    engine = RemoteTranscriber(url=url, api_key=KEY, **options)
    try:
        yield engine
    finally:
        await engine.aclose()


async def heard(*answers: bytes, **options: Any) -> list[str]:
    async with endpoint(*answers) as server, transcriber(server.url, **options) as engine:
        return [piece async for piece in engine.transcribe(SPEECH)]


def form(server: Endpoint) -> dict[str, bytes]:
    """The fields of the request that was sent last."""
    head, body = server.heads[-1], server.bodies[-1]
    kind = next(line for line in head.splitlines() if line.lower().startswith("content-type:"))
    message = email.message_from_bytes(f"{kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]
        for part in message.iter_parts()
    }


async def test_no_audio_is_no_request() -> None:
    async with endpoint(WHOLE) as server, transcriber(server.url) as engine:
        assert [piece async for piece in engine.transcribe(b"")] == []
    assert server.heads == []


async def test_the_utterance_is_sent_as_a_wav_with_model_language_and_prompt() -> None:
    async with endpoint(WHOLE) as server, transcriber(server.url, parameters={"temperature": 0, "vad": True}) as engine:
        assert [piece async for piece in engine.transcribe(SPEECH, language="de", prompt="Köln")] == ["Hello there."]
    assert server.heads[0].startswith("POST /v1/audio/transcriptions HTTP/1.1")
    assert f"authorization: bearer {KEY}" in server.heads[0].lower()
    fields = form(server)
    sound = parse_wav(fields.pop("file"))
    assert (sound.pcm16, sound.rate_hz) == (SPEECH, 16_000)
    assert {name: value.decode("utf-8") for name, value in fields.items()} == {
        "temperature": "0",
        "vad": "true",
        "model": "ears",
        "response_format": "json",
        "stream": "true",
        "language": "de",
        "prompt": "Köln",
    }


async def test_what_a_server_need_not_know_is_left_out() -> None:
    async with endpoint(WHOLE) as server, transcriber(server.url, model=None, stream=False) as engine:
        assert [piece async for piece in engine.transcribe(b"\1\0")] == ["Hello there."]
    fields = form(server)
    assert fields.keys() == {"file", "response_format"}
    assert parse_wav(fields["file"]).duration_ms == 100, "hosted services refuse less"


async def test_a_session_that_names_no_language_has_the_configured_one() -> None:
    async with endpoint(WHOLE) as server, transcriber(server.url, language="fr") as engine:
        assert [piece async for piece in engine.transcribe(SPEECH)] == ["Hello there."]
        assert form(server)["language"] == b"fr"


def delta(text: str) -> str:
    return f'{{"type":"transcript.text.delta","delta":"{text}"}}'


def vllm(text: str, reason: str = "null") -> str:
    return f'{{"object":"transcription.chunk","choices":[{{"delta":{{"content":"{text}"}},"finish_reason":{reason}}}]}}'


DONE = '{"type":"transcript.text.done","text":"Hello there."}'


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        http("200 OK", b"Hello there.\n", "text/plain; charset=utf-8"),
        http("200 OK", b'{"task":"transcribe","text":"Hello there.","segments":[]}'),
        sse(delta(" Hello"), delta(" there."), DONE),
        sse(delta("Hello "), delta("there. "), DONE, "[DONE]"),
        sse(DONE),
        sse(vllm(" Hello"), vllm(" there."), vllm("", '"stop"'), "[DONE]"),
        sse(vllm("Hello there."), '{"choices":[],"usage":{"total_tokens":3}}', "[DONE]"),
        sse('{"text":"Hello"}', '{"text":"there."}'),
        sse('{"text":" Hello"}', '{"text":" there."}'),
        sse('{"type":"transcript.text.segment","text":"Hello","start":0}', delta("Hello"), delta(" there."), DONE),
        sse(delta("Hello"), delta(" there."), DONE).replace(b"data:", b"event: x\nid: 1\ndata:"),
    ],
)
async def test_a_transcript_is_read_in_every_spelling(answer: bytes) -> None:
    assert "".join(await heard(answer)) == "Hello there."


@pytest.mark.parametrize(
    "answer", [sse(DONE.replace("Hello there.", "")), http("200 OK", b'{"text":""}'), sse("[DONE]")]
)
async def test_an_utterance_without_words_is_no_failure(answer: bytes) -> None:
    assert await heard(answer) == []


async def test_words_come_as_soon_as_they_are_sent() -> None:
    async with endpoint(sse(delta("Hello")), hold_open=True) as server, transcriber(server.url) as engine:
        pieces = engine.transcribe(SPEECH)
        assert await anext(pieces) == "Hello"
        await pieces.aclose()
        async with asyncio.timeout(5):
            await server.hung_up.wait()


async def test_a_cancelled_request_is_hung_up_on() -> None:
    async with endpoint(b"", hold_open=True) as server, transcriber(server.url) as engine:
        pieces = engine.transcribe(SPEECH)
        waiting = asyncio.ensure_future(anext(pieces))
        async with asyncio.timeout(5):
            await server.asked.wait()
            waiting.cancel()
            await asyncio.wait([waiting])
            await server.hung_up.wait()


FAILED = "the speech recognition failed; please say it again"


@pytest.mark.parametrize(
    ("answer", "for_operator", "for_caller"),
    [
        (http("200 OK", b"\xff\xfe"), "sent what is no transcript", FAILED),
        (http("200 OK", b"[1]"), "sent what is no transcript", FAILED),
        (http("200 OK", b"{}"), "sent what is no transcript: an object without a text", FAILED),
        (http("200 OK", b"<html>", "text/html"), "sent what is no transcript: the type 'text/html'", FAILED),
        (sse("nonsense"), "sent what is no transcript", FAILED),
        (sse(delta("Hello")), "broke off in the middle of a transcript", FAILED),
        (sse(vllm("Hello")), "broke off in the middle of a transcript", FAILED),
        (sse(delta("Hello"), '{"error":{"message":"the words Hello"}}'), "failed", FAILED),
        (http("200 OK", b'{"error":"the words Hello"}'), "failed", FAILED),
    ],
)
async def test_an_answer_that_is_no_transcript_is_a_sentence_for_each(
    answer: bytes, for_operator: str, for_caller: str
) -> None:
    with pytest.raises(EngineError) as caught:
        await heard(answer)
    assert caught.value.unquoted.startswith(f"remote-ears: 127.0.0.1 {for_operator}")
    assert "Hello" not in caught.value.unquoted.removeprefix("remote-ears: 127.0.0.1 ")
    assert caught.value.for_client == for_caller


async def test_an_answer_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.remote.transcriber._MAX_ANSWER_BYTES", 10_000)
    for answer in (sse(*[delta("la " * 100)] * 100), http("200 OK", b" " * 20_000)):
        with pytest.raises(EngineError, match="an answer of more than 10000 bytes"):
            await heard(answer)


async def test_the_shipped_check_passes_where_the_server_hears_nothing_in_silence() -> None:
    # In the order of the check: the speech, one sample, a second of silence, the speech again.
    said, silence = sse(delta("Hello"), delta(" there."), DONE), http("200 OK", b'{"text":""}')
    async with endpoint(said, silence, silence, said) as server, transcriber(server.url) as engine:
        await check_transcriber(engine, speech=SPEECH, words="hello there")
