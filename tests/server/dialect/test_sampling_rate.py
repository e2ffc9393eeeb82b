"""The rate of Voice Live's input: told always, and honoured when it comes alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue.audio.formats import Encoding
from duologue.engines.base import FunctionCall
from duologue.events.base import encode_audio
from duologue.protocol import Detect
from duologue.testing import scripted_engines
from tests.server._listening import listening, scripted_app
from tests.server.dialect.test_adapter import Spoken

pytestmark = pytest.mark.timeout(30)

RATES_HZ = [8_000, 16_000, 24_000, 44_100, 48_000]


@pytest.fixture
def spoken() -> Spoken:
    return Spoken("azure-voice-live")


def update(spoken: Spoken, **session: Any) -> dict[str, Any]:
    """The session that answers an update, or the error."""
    [frame] = spoken.say(type="session.update", session=session)
    answer: dict[str, Any] = frame.get("session") or frame["error"]
    return answer


def test_it_is_told_from_the_greeting_on(spoken: Spoken) -> None:
    [greeting, *_] = spoken.reported()
    assert greeting["session"]["input_audio_sampling_rate"] == 24_000
    assert update(spoken, instructions="Be brief.")["input_audio_sampling_rate"] == 24_000


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_rate_that_comes_alone_is_the_one_that_audio_is_read_at(spoken: Spoken, rate_hz: int) -> None:
    spoken.reported()
    answer = update(spoken, input_audio_sampling_rate=rate_hz)
    assert (answer["input_audio_format"], answer["input_audio_sampling_rate"]) == ("pcm16", rate_hz)
    spoken.say(type="input_audio_buffer.append", audio=encode_audio(bytes(2 * rate_hz)))
    [command] = [one for one in spoken.protocol.take_commands() if isinstance(one, Detect)]
    assert command.encoding == Encoding.of("audio/pcm", rate_hz)
    assert spoken.protocol.input_ms == 1000


def test_a_format_that_comes_alone_keeps_the_rate(spoken: Spoken) -> None:
    spoken.reported()
    update(spoken, input_audio_sampling_rate=16_000)
    assert update(spoken, input_audio_format="pcm16")["input_audio_sampling_rate"] == 16_000
    assert update(spoken, instructions="Be brief.")["input_audio_sampling_rate"] == 16_000


@pytest.mark.parametrize("name", ["g711_ulaw", "g711_alaw"])
def test_telephone_audio_has_8_khz_whatever_is_said(spoken: Spoken, name: str) -> None:
    spoken.reported()
    update(spoken, input_audio_sampling_rate=16_000)
    for session in ({"input_audio_format": name}, {"input_audio_sampling_rate": 24_000}):
        answer = update(spoken, **session)
        assert (answer["input_audio_format"], answer["input_audio_sampling_rate"]) == (name, 8_000)
    assert update(spoken, input_audio_format="pcm16")["input_audio_sampling_rate"] == 16_000


@pytest.mark.parametrize("rate", [11_025, 0, "8000", 16_000.5])
def test_a_rate_that_is_none_is_refused_by_its_name_and_changes_nothing(spoken: Spoken, rate: Any) -> None:
    spoken.reported()
    assert update(spoken, input_audio_sampling_rate=rate)["param"] == "session.input_audio_sampling_rate"
    assert update(spoken, instructions="Be brief.")["input_audio_sampling_rate"] == 24_000
    assert update(spoken, input_audio_format="pcm16")["input_audio_sampling_rate"] == 24_000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
async def test_speech_at_that_rate_is_heard(rate_hz: int) -> None:
    lines: list[str | FunctionCall] = ["I hear you."]
    engines = scripted_engines(responses=lines)
    async with (
        listening(scripted_app(engines, dialect="azure-voice-live")) as url,
        websockets_connect(url) as socket,
        asyncio.timeout(5),
    ):
        session = {"input_audio_sampling_rate": rate_hz}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        loud, quiet = b"\x00\x40" * (rate_hz // 10), bytes(rate_hz // 5)
        for piece in [loud] * 4 + [quiet] * 7:
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": encode_audio(piece)}))
        while (frame := json.loads(await socket.recv()))["type"] != "input_audio_buffer.speech_stopped":
            pass
        assert frame["audio_end_ms"] == pytest.approx(900, abs=60)
