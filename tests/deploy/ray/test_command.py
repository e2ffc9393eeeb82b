"""The application on this machine. Tests of a real cluster are marked slow, and need Ray."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest
from websockets.asyncio.client import connect as open_socket

from duologue import Conversation, connect, converse
from duologue.audio.wav import read_wav
from duologue.deploy.ray.command import main
from duologue.engines.remote.synthesizer import RemoteSynthesizer
from duologue.engines.remote.transcriber import RemoteTranscriber
from duologue.errors import NotConnected, RequestRejected
from duologue.events import InputAudioBufferAppendEvent
from tests.deploy._site import KEY
from tests.deploy.ray._cluster import SCRIPTED, Cluster, cluster, needs_ray
from tests.repo._tree import ROOT
from tests.server._talking import update

SPEECH = ROOT / "tests/speech/librivox_0870.wav"


def test_without_haproxy_it_does_not_start_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAY_SERVE_ENABLE_HA_PROXY", raising=False)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert "RAY_SERVE_ENABLE_HA_PROXY=1" in said
    assert "pickled" in said


@pytest.mark.parametrize("wrong", ["--replicas=some", "--engine=scripted", "--engine-option=detector=1"])
def test_what_cannot_be_read_is_named(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([wrong])
    assert wrong.partition("=")[0] in capsys.readouterr().err


async def _spoken_turn(place: Cluster) -> tuple[str, int]:
    """What the server understood, and how much it said."""
    sound = read_wav(SPEECH).at(24_000)
    async with connect(place.url, api_key=KEY) as connection:
        await connection.send(update(audio={"input": {"transcription": {"model": "whisper-1"}}}))
        for at in range(0, len(sound.pcm16), 4800):
            await connection.send(InputAudioBufferAppendEvent.from_audio(sound.pcm16[at : at + 4800]))
        for _ in range(10):
            await connection.send(InputAudioBufferAppendEvent.from_audio(bytes(4800)))
        heard, spoken_bytes = "", 0
        while True:
            event = await connection.receive(timeout=60)
            match event.type:
                case "conversation.item.input_audio_transcription.completed":
                    heard += str(getattr(event, "transcript", ""))
                case "response.output_audio.delta":
                    spoken_bytes += len(getattr(event, "delta", ""))
                case "response.done" if heard:
                    return heard, spoken_bytes
                case _:
                    pass


async def _takes_compression(place: Cluster) -> bool:
    """Whether connections are those of a stock uvicorn, which takes it; `duologue.deploy.ray.edge` has our own."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with open_socket(
        f"{place.url}/realtime?model=m", compression="deflate", additional_headers=headers
    ) as client:
        return bool(client.protocol.extensions)


async def _asked_again(call: Conversation) -> str:
    """The answer to a question of a client whose connection may have been lost."""
    async with asyncio.timeout(30):
        while True:
            try:
                return str(await call.ask("And now?"))
            except (NotConnected, RequestRejected):
                await call.restored(timeout=20)


@pytest.mark.slow
@needs_ray
@pytest.mark.timeout(400)
async def test_two_replicas_hold_spoken_turns_and_a_killed_one_s_clients_go_on_in_the_other() -> None:
    async with cluster("--replicas=2", "--engine=responder=scripted") as place, AsyncExitStack() as stack:
        heard, spoken_bytes = await _spoken_turn(place)
        assert len(heard.split()) > 5
        assert spoken_bytes > 10_000
        assert not await _takes_compression(place)

        async with asyncio.timeout(60):
            while len(place.replicas()) < 2:  # noqa: ASYNC110 - other processes set no events
                await asyncio.sleep(0.1)
        calls = [await stack.enter_async_context(converse(place.url, api_key=KEY)) for _ in range(6)]
        for call in calls:
            assert await call.ask("My name is Ann.")
        began = time.monotonic()
        place.kill_one()
        assert all(await asyncio.gather(*map(_asked_again, calls)))
        took_s = time.monotonic() - began
        print(f"back after {took_s:.1f} s")
        assert took_s < 5
        assert all("Ann" in str(call.items) for call in calls)


@pytest.mark.slow
@needs_ray
@pytest.mark.timeout(400)
async def test_sessions_make_replicas() -> None:
    options = ("--replicas=1-3", "--sessions=50", "--load=0.2", *SCRIPTED)
    async with cluster(*options) as place, AsyncExitStack() as stack:
        assert len(place.replicas()) == 1
        began = time.monotonic()
        calls = [await stack.enter_async_context(converse(place.url, api_key=KEY)) for _ in range(25)]
        async with asyncio.timeout(60):
            while len(place.replicas()) < 3:  # noqa: ASYNC110 - other processes set no events
                await asyncio.sleep(0.1)
        took_s = time.monotonic() - began
        print(f"three replicas after {took_s:.1f} s")
        assert took_s < 15
        assert all([await call.ask("Are you there?") for call in calls])


@pytest.mark.slow
@needs_ray
@pytest.mark.timeout(400)
async def test_speech_engines_alone_serve_engines_by_url() -> None:
    async with cluster("--only-speech", "--batch=4") as place, _remote(place) as (transcriber, synthesizer):
        await transcriber.probe()
        await synthesizer.probe()
        assert "heart" in synthesizer.voices
        pieces = [piece async for piece in synthesizer.synthesize("Good morning. How are you today?", voice="heart")]
        assert sum(map(len, pieces)) > 24_000
        assert len(pieces) > 1
        pcm16 = read_wav(SPEECH).at(16_000).pcm16

        async def heard() -> str:
            return "".join([piece async for piece in transcriber.transcribe(pcm16)])

        first, *others = await asyncio.gather(*(heard() for _ in range(4)))
        assert len(first.split()) > 5
        assert set(others) == {first}

        async with aclosing(synthesizer.synthesize("This is left early. " * 40, voice="heart")) as speech:
            assert await anext(speech)


@asynccontextmanager
async def _remote(place: Cluster) -> AsyncGenerator[tuple[RemoteTranscriber, RemoteSynthesizer]]:
    """The two engines as a server has them that is told the URL."""
    url = place.url.replace("ws", "http", 1)
    transcriber = RemoteTranscriber(url=url, api_key=KEY)
    synthesizer = RemoteSynthesizer(url=url, api_key=KEY)
    try:
        yield transcriber, synthesizer
    finally:
        await transcriber.aclose()
        await synthesizer.aclose()
