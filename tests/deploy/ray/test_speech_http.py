"""Speech engines over HTTP, with the client that the server's engines by URL are, and without Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duologue.audio.wav import wav_of
from duologue.deploy.ray.speech_http import speech_pages
from duologue.engines.base import Synthesizer, Transcriber
from duologue.engines.remote.synthesizer import RemoteSynthesizer
from duologue.engines.remote.transcriber import RemoteTranscriber
from duologue.engines.scripted import ScriptedSynthesizer, ScriptedTranscriber
from duologue.errors import EngineError

KEY = {"authorization": "Bearer sesame"}
SAMPLES = b"\x10\x27\x20\x4e" * 4000
WAV = {"file": ("speech.wav", wav_of(SAMPLES, rate_hz=16_000), "audio/wav")}
PCM_S = 2 * 24_000


class Failing:
    """Engines that fail: at once, or in the middle of the speech."""

    name = "failing"
    sample_rate_hz = 16_000
    voices: tuple[str, ...] = ("tone",)

    def __init__(self, *, after: int = 0) -> None:
        self.after = after
        self.closed = False

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str]:
        if not pcm16:
            yield ""
        raise EngineError("the card of host gpu-1 is full", engine=self.name)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1) -> AsyncGenerator[bytes]:
        try:
            for _ in range(self.after):
                yield bytes(3200)
            raise EngineError("the card of host gpu-1 is full", engine=self.name)
        finally:
            self.closed = True


@asynccontextmanager
async def client(
    transcriber: Transcriber | None = None, synthesizer: Synthesizer | None = None, *, raises: bool = False
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the pages, which serve `KEY` only."""

    @asynccontextmanager
    async def engines() -> AsyncGenerator[tuple[Transcriber, Synthesizer]]:
        yield transcriber or ScriptedTranscriber(["good morning"]), synthesizer or ScriptedSynthesizer()

    app = speech_pages(engines, api_keys=["sesame"])
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://server/v1", headers=KEY) as made:
            yield made


def through(engine: RemoteTranscriber | RemoteSynthesizer, pages: httpx.AsyncClient) -> Any:
    """The engine, whose requests go to these pages."""
    engine._endpoint.client = pages
    return engine


async def test_an_engine_by_url_has_an_utterance_transcribed() -> None:
    async with client() as pages:
        for streams in (True, False):
            transcriber: RemoteTranscriber = through(RemoteTranscriber(url="http://server/v1", stream=streams), pages)
            pieces = [piece async for piece in transcriber.transcribe(SAMPLES, language="en", prompt="Ann")]
            assert "".join(pieces) == "good morning"
            await transcriber.probe()


async def test_an_engine_by_url_speaks_with_the_voices_that_there_are() -> None:
    for rate_hz in (24_000, 16_000):
        async with client(synthesizer=ScriptedSynthesizer(sample_rate_hz=rate_hz)) as pages:
            synthesizer = through(RemoteSynthesizer(url="http://server/v1"), pages)
            await synthesizer.probe()
            assert synthesizer.voices == ("tone", "high", "low")
            spoken = [piece async for piece in synthesizer.synthesize("Good morning.", voice="high", speed=1.5)]
            expected = [
                piece async for piece in ScriptedSynthesizer().synthesize("Good morning.", voice="high", speed=1.5)
            ]
            assert len(b"".join(spoken)) == len(b"".join(expected))


async def test_a_file_has_all_of_the_speech_and_its_length() -> None:
    async with client() as pages:
        answer = await pages.post("/audio/speech", json={"input": "Hello.", "voice": "nova", "response_format": "wav"})
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.content[:4] == b"RIFF"
        assert int.from_bytes(answer.content[4:8], "little") == len(answer.content) - 8


async def test_a_transcript_comes_as_text_too() -> None:
    async with client() as pages:
        answer = await pages.post("/audio/transcriptions", files=WAV, data={"response_format": "text"})
        assert answer.text == "good morning"


async def test_without_the_key_nothing_is_computed() -> None:
    async with client() as pages:
        pages.headers.pop("authorization")
        assert (await pages.post("/audio/speech", json={"input": "Hello."})).status_code == 401
        assert (await pages.get("/audio/voices", headers={"authorization": "Bearer guess"})).status_code == 401
        assert (await pages.get("http://server/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("files", "fields", "what"),
    [
        ({}, {"model": "m"}, "file: the form has no file"),
        ({"file": ("a.wav", b"ID3 no wave", "audio/wav")}, {}, "file: the file"),
        ({"file": ("a.wav", wav_of(SAMPLES, rate_hz=1), "audio/wav")}, {}, "1 samples per second"),
        ({"file": ("a.wav", wav_of(bytes(2 * 4_000 * 301), rate_hz=4_000), "audio/wav")}, {}, "longer than 300 s"),
        (WAV, {"response_format": "srt"}, "only 'json' and 'text'"),
    ],
)
async def test_a_request_for_a_transcript_that_cannot_be_met_says_why(
    files: dict[str, Any], fields: dict[str, str], what: str
) -> None:
    async with client() as pages:
        files = files or {"other": ("x", b"", "text/plain")}
        answer = await pages.post("/audio/transcriptions", files=files, data=fields)
        assert answer.status_code == 400
        assert what in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"voice": "tone"}, "input: a text of 1 to 4096 characters"),
        ({"input": "a" * 4097}, "input: a text of 1 to 4096 characters"),
        ({"input": "a", "speed": 9}, "speed: it is a number from 0.25 to 4"),
        ({"input": "a", "speed": True}, "speed: it is a number from 0.25 to 4"),
        ({"input": "a", "response_format": "mp3"}, "only 'pcm' and 'wav'"),
    ],
)
async def test_a_request_for_speech_that_cannot_be_met_says_why(body: dict[str, Any], what: str) -> None:
    async with client() as pages:
        answer = await pages.post("/audio/speech", json=body)
        assert answer.status_code == 400
        assert what in answer.json()["error"]["message"]


async def test_bodies_have_a_bound() -> None:
    async with client() as pages:
        large = {"file": ("a.wav", bytes(11 * 1024 * 1024), "audio/wav")}
        assert (await pages.post("/audio/transcriptions", files=large)).status_code == 413
        assert (await pages.post("/audio/speech", json={"input": "a" * 70_000})).status_code == 413
        assert (await pages.post("/audio/speech", content=b"[]")).status_code == 400
        assert (await pages.post("/audio/transcriptions", content=b"x")).status_code == 400


async def test_an_engine_that_fails_is_a_500_that_names_no_machine(caplog: pytest.LogCaptureFixture) -> None:
    engine = Failing()
    async with client(engine, engine) as pages:
        spoken = await pages.post("/audio/speech", json={"input": "Hello."})
        for answer in (spoken, await pages.post("/audio/transcriptions", files=WAV)):
            assert answer.status_code == 500
            assert "gpu-1" not in answer.text
    assert "gpu-1" in caplog.text


async def test_speech_that_breaks_off_is_no_whole_answer() -> None:
    engine = Failing(after=2)
    async with client(synthesizer=engine, raises=True) as pages, asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="response already started"):  # by which a server breaks off
            await pages.post("/audio/speech", json={"input": "Hello."})
    assert engine.closed
