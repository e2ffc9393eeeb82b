"""A synthesizer behind a URL speaks as the server sends, and fails in a sentence each for operator and caller."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.audio.wav import wav_of
from duologue.engines.checks import check_synthesizer
from duologue.engines.remote.synthesizer import RemoteSynthesizer
from duologue.errors import EngineError
from tests.engines._stand_in import endpoint, http, sse

KEY = "sk-do-not-tell"
SPEECH = b"".join(struct.pack("<h", 100 + number % 1_000) for number in range(2_400))
RAW = http("200 OK", SPEECH, "audio/pcm")


@asynccontextmanager
async def synthesizer(url: str, **options: Any) -> AsyncGenerator[RemoteSynthesizer]:
    options = {"model": "mouth", **options}
    engine = RemoteSynthesizer(url=url, api_key=KEY, **options)
    try:
        yield engine
    finally:
        await engine.aclose()


async def spoken(*answers: bytes, text: str = "Hello there.", **options: Any) -> bytes:
    async with endpoint(*answers) as server, synthesizer(server.url, **options) as engine:
        return b"".join([piece async for piece in engine.synthesize(text, voice="heart")])


async def test_it_keeps_the_contract() -> None:
    async with endpoint(RAW) as server, synthesizer(server.url, voice="heart", voices=("ember",)) as engine:
        await check_synthesizer(engine)


async def test_text_voice_and_options_are_sent() -> None:
    async with endpoint(RAW) as server, synthesizer(server.url, parameters={"instructions": "Softly."}) as engine:
        await anext(engine.synthesize("Hello.", voice="heart", speed=1.25))
        assert server.heads[0].startswith("POST /v1/audio/speech HTTP/1.1")
        assert f"authorization: bearer {KEY}" in server.heads[0].lower()
        assert server.requests == [
            {
                "instructions": "Softly.",
                "model": "mouth",
                "response_format": "pcm",
                "input": "Hello.",
                "voice": "heart",
                "speed": 1.25,
            }
        ]


async def test_what_a_server_need_not_know_is_left_out_and_events_are_asked_for_on_request() -> None:
    async with endpoint(RAW) as server, synthesizer(server.url, model=None) as engine:
        await anext(engine.synthesize("Hello.", voice="heart"))
        assert server.requests[0].keys() == {"response_format", "input", "voice"}
    async with (
        endpoint(RAW) as server,
        synthesizer(server.url, response_format="wav", stream_format="sse") as engine,
    ):
        await anext(engine.synthesize("Hello.", voice="heart"))
        assert (server.requests[0]["response_format"], server.requests[0]["stream_format"]) == ("wav", "sse")


@pytest.mark.parametrize("text", ["", " \n", "…!"])
async def test_a_text_without_words_is_no_request(text: str) -> None:
    async with endpoint(RAW) as server, synthesizer(server.url) as engine:
        assert [piece async for piece in engine.synthesize(text, voice="heart")] == []
    assert server.heads == []


def delta(audio: bytes, field: str = "audio") -> str:
    return f'{{"type":"speech.audio.delta","{field}":"{base64.b64encode(audio).decode()}"}}'


DONE = '{"type":"speech.audio.done","usage":{"total_tokens":9}}'
WAV = wav_of(SPEECH, rate_hz=24_000)


@pytest.mark.parametrize(
    "answer",
    [
        RAW,
        http("200 OK", SPEECH, "application/octet-stream"),
        http("200 OK", SPEECH, 'audio/L16; rate="24000"; channels=1'),
        http("200 OK\r\nX-Sample-Rate: 24000", SPEECH, "audio/pcm"),
        http("200 OK", WAV, "audio/wav"),
        http("200 OK", WAV, "audio/pcm"),
        sse(delta(SPEECH[:1_000]), delta(SPEECH[1_000:]), DONE),
        sse(delta(SPEECH[:999]), delta(SPEECH[999:]), DONE),
        sse(delta(WAV[:999]), delta(WAV[999:]), DONE),
        sse(delta(SPEECH, "delta"), "[DONE]"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [61, None])
async def test_speech_is_read_in_every_spelling(answer: bytes, piece_bytes: int | None) -> None:
    async with endpoint(answer, piece_bytes=piece_bytes) as server, synthesizer(server.url) as engine:
        assert b"".join([piece async for piece in engine.synthesize("Hi.", voice="v")]) == SPEECH


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", SPEECH, "audio/pcm;rate=48000"),
        http("200 OK\r\nX-Sample-Rate: 48000", SPEECH, "audio/pcm"),
        http("200 OK", wav_of(SPEECH, rate_hz=48_000), "audio/wav"),
    ],
)
async def test_a_rate_that_the_server_states_is_converted(answer: bytes) -> None:
    assert len(await spoken(answer)) == len(SPEECH) // 2


async def test_the_rate_of_raw_samples_is_an_option() -> None:
    assert len(await spoken(RAW, rate_hz=12_000)) == len(SPEECH) * 2
    with pytest.raises(EngineError, match="remote: rate_hz: 7 samples per second, which is not a rate of speech"):
        RemoteSynthesizer(url="http://h/v1", rate_hz=7)


async def test_speech_comes_as_soon_as_it_is_sent_and_an_interruption_hangs_up() -> None:
    async with endpoint(RAW, hold_open=True) as server, synthesizer(server.url) as engine:
        pieces = engine.synthesize("Hello.", voice="heart")
        assert await anext(pieces)
        await pieces.aclose()
        async with asyncio.timeout(5):
            await server.hung_up.wait()


FAILED = "the speech synthesis failed; please ask again"


@pytest.mark.parametrize(
    ("answer", "for_operator", "for_caller"),
    [
        (http("200 OK", b"", "audio/pcm"), "sent no speech", FAILED),
        (http("200 OK", WAV[:44], "audio/wav"), "sent what is no speech: speech that was broken off", FAILED),
        (http("200 OK", SPEECH[:-1], "audio/pcm"), "sent what is no speech: speech that was broken off", FAILED),
        (http("200 OK", b"\xff\xfb" + SPEECH, "audio/mpeg"), "sent what is no speech: the type 'audio/mpeg'", FAILED),
        (http("200 OK", b"{}"), "sent what is no speech: the type 'application/json'", FAILED),
        (http("200 OK", b"oops", "text/html"), "sent what is no speech: the type 'text/html'", FAILED),
        (http("200 OK", b"ID3\4" + SPEECH, "audio/pcm"), "sent what is no speech: an MP3 file", FAILED),
        (
            http("200 OK", wav_of(SPEECH, rate_hz=1), "audio/wav"),
            "sent what is no speech: 1 samples per second, which is not a rate of speech",
            FAILED,
        ),
        (http("200 OK", SPEECH, "audio/pcm;rate=0"), "sent what is no speech: 0 samples per second", FAILED),
        (http("200 OK", SPEECH, "audio/pcm;rate=fast"), "sent what is no speech: a rate that is no number", FAILED),
        (sse("nonsense"), "sent what is no speech", FAILED),
        (sse('{"type":"speech.audio.delta","audio":"!"}'), "sent what is no speech", FAILED),
        (sse(delta(SPEECH)), "broke off in the middle of its speech", FAILED),
        (sse('{"error":{"message":"the words Hello"}}'), "failed", FAILED),
        (
            http(f"200 OK\r\nContent-Length: {len(SPEECH) + 2}", SPEECH, "audio/pcm"),
            "cannot be talked to: peer closed connection",
            "the speech synthesis is not available; please try again in a moment",
        ),
    ],
)
async def test_an_answer_that_is_no_speech_is_a_sentence_for_each(
    answer: bytes, for_operator: str, for_caller: str
) -> None:
    with pytest.raises(EngineError) as caught:
        await spoken(answer)
    assert caught.value.unquoted.startswith(f"remote-mouth: 127.0.0.1 {for_operator}")
    assert "Hello" not in caught.value.unquoted
    assert caught.value.for_client == for_caller


async def test_a_model_that_does_not_stop_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.remote.synthesizer._SHORTEST_S", 0)
    for answer in (http("200 OK", SPEECH * 21, "audio/pcm"), sse(*[delta(SPEECH)] * 21, DONE)):
        with pytest.raises(EngineError, match="sent more speech than 2 characters can be, and did not stop"):
            await spoken(answer, text="Hi")


# --- voices


def listed(*names: str) -> bytes:
    return http("200 OK", b'{"voices":[' + b",".join(f'"{name}"'.encode() for name in names) + b"]}")


async def asked_for(wanted: str, *answers: bytes, **options: Any) -> str:
    """The voice that the server is asked for, after a probe."""
    async with endpoint(*answers, RAW) as server, synthesizer(server.url, **options) as engine:
        await engine.probe()
        await anext(engine.synthesize("Hi.", voice=wanted))
        found: str = server.requests[-1]["voice"]
        return found


@pytest.mark.parametrize(
    ("options", "wanted", "given"),
    [
        ({}, "b", "b"),
        ({}, "alloy", "a"),
        ({"voice": "b"}, "a", "a"),
        ({"voice": "b"}, "alloy", "b"),
        ({"voice": "mixed"}, "alloy", "mixed"),
    ],
)
async def test_a_voice_that_the_server_lacks_is_spoken_by_the_configured_one_or_its_first(
    options: dict[str, Any], wanted: str, given: str
) -> None:
    assert await asked_for(wanted, listed("a", "b"), **options) == given


async def test_a_server_without_a_list_gets_the_names_that_clients_send_or_the_configured_voice() -> None:
    none, models = http("404 No", b""), http("200 OK", b"{}")
    assert await asked_for("alloy", none, models) == "alloy"
    assert await asked_for("alloy", none, models, voice="a") == "a"
    assert await asked_for("b", models, voice="a", voices=("b",)) == "b"


async def test_the_list_is_asked_for_once_in_a_while_and_a_failing_server_is_told() -> None:
    async with (
        endpoint(listed("a"), http("200 OK", b"{}"), http("500 No", b"")) as server,
        synthesizer(server.url) as engine,
    ):
        await engine.probe()
        await engine.probe()
        with pytest.raises(EngineError, match="answered 500"):
            await engine.probe()
        assert engine.voices == ("a",)
    assert [head.split()[1] for head in server.heads] == ["/v1/audio/voices", "/v1/models", "/v1/models"]
