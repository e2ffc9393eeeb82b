"""What the demo says and hears over Live, with a model that is played by the test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

import pytest

from duologue.audio.formats import PCM
from duologue.audio.wav import Sound, WavWriter, read_wav
from duologue.cli.call.live_exchange import LiveExchange
from duologue.cli.errors import TurnFailed
from duologue.client.live import Live
from duologue.errors import SessionLost
from duologue.notices import LiveAudioPiece
from tests.cli.conftest import tone

pytestmark = pytest.mark.usefixtures("idle_clock")

VOICE = tone(100).pcm16
ANSWER = 8
"""Pieces of the model's answer."""


class Model:
    """Answers what it hears, 300 ms later; stops 200 ms after the user talks over it, unless it is `stubborn`."""

    def __init__(self, *, answers: bool = True, stubborn: bool = False, breaks_after: int | None = None) -> None:
        self.answers = answers
        self.stubborn = stubborn
        self.breaks_after = breaks_after
        self.heard: list[bytes] = []
        self.to_say: list[bytes] = []
        self.callbacks: dict[Any, Callable[[Any], object]] = {}

    def on(self, kind: Any, callback: Callable[[Any], object]) -> Callable[[], None]:
        self.callbacks[kind] = callback
        return lambda: None

    async def send_audio(self, audio: bytes) -> None:
        if self.breaks_after is not None and len(self.heard) >= self.breaks_after:
            raise SessionLost("the line is cut", code=1006, session_id="live_1", can_fork=False)
        was_talking = bool(self.heard) and any(self.heard[-1])
        if any(audio) and any(self.to_say) and not self.stubborn:
            del self.to_say[2:]
        self.heard.append(audio)
        if self.answers and was_talking and not any(audio):
            self.to_say = [bytes(len(audio))] * 2 + [VOICE] * ANSWER
        said = self.to_say.pop(0) if self.to_say else bytes(len(audio))
        start_ms = 100 * (len(self.heard) - 1)
        self.callbacks[LiveAudioPiece](LiveAudioPiece(audio=said, encoding=PCM, start_ms=start_ms))


@asynccontextmanager
async def exchange(model: Model, path: Path) -> AsyncGenerator[LiveExchange, None]:
    with closing(WavWriter(path, rate_hz=24_000)) as voice:
        async with LiveExchange(cast(Live, model), voice, show=lambda *_: None, timeout_s=5.0) as talking:
            yield talking


async def test_what_is_said_arrives_between_silence_and_the_answer_is_written(tmp_path: Path) -> None:
    model = Model()
    async with exchange(model, tmp_path / "voice.wav") as talking:
        await talking.ask(Sound(VOICE * 3, 24_000))
    assert [piece for piece in model.heard if any(piece)] == [VOICE] * 3
    assert VOICE * ANSWER in read_wav(tmp_path / "voice.wav").pcm16


async def test_an_interruption_is_measured_from_the_first_word_to_the_last_sound(tmp_path: Path) -> None:
    model = Model()
    async with exchange(model, tmp_path / "voice.wav") as talking:
        await talking.ask_and_hear(Sound(VOICE * 3, 24_000), for_ms=200)
        silence_before_words = bytes(PCM.bytes_for_ms(100))
        went_on_ms = await talking.interrupt(Sound(silence_before_words + VOICE * 6, 24_000))
        await talking.hear_rest()
    assert went_on_ms == 200


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Model(answers=False), "the server did not answer within 5 s"),
        (Model(breaks_after=4), "the line is cut"),
    ],
)
async def test_an_answer_that_does_not_come_ends_the_exchange(model: Model, message: str, tmp_path: Path) -> None:
    async with exchange(model, tmp_path / "voice.wav") as talking:
        with pytest.raises((TurnFailed, SessionLost), match=message):
            await talking.ask(Sound(VOICE * 3, 24_000))


async def test_a_model_that_goes_on_talking_fails_the_exchange(tmp_path: Path) -> None:
    model = Model(stubborn=True)
    async with exchange(model, tmp_path / "voice.wav") as talking:
        await talking.ask_and_hear(Sound(VOICE * 3, 24_000))
        model.answers, model.to_say = False, [VOICE] * 100
        with pytest.raises(TurnFailed, match="the model did not stop talking within 5 s"):
            await talking.interrupt(Sound(VOICE * 30, 24_000))
