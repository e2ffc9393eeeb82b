"""The shipped checks find what breaks a contract."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from duologue.engines.base import Exchange
from duologue.engines.checks import check_detector, check_responder, check_synthesizer, check_transcriber
from duologue.engines.scripted import ScriptedDetector, ScriptedSynthesizer, ScriptedTranscriber

SPEECH = b"\x00\x40\x00\xc0" * 16_000


class Forgetful(ScriptedDetector):
    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        self._rest = b""
        return await super().detect(pcm16)


class Excited(ScriptedDetector):
    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        return [1.0 for _ in await super().detect(pcm16)]


class Deaf(ScriptedDetector):
    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        return [0.0 for _ in await super().detect(pcm16)]


class Certain(ScriptedDetector):
    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        return [2 * p for p in await super().detect(pcm16)]


@pytest.mark.parametrize(
    ("detector", "sentence"),
    [
        (Forgetful, "cutting the audio into pieces of 2 bytes changed what was detected"),
        (Excited, "digital silence is called speech"),
        (Deaf, "only 0 of 100 frames of speech are called speech"),
        (Certain, "a probability lies between 0 and 1"),
    ],
)
async def test_a_wrong_detector_is_found_out(detector: type[ScriptedDetector], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        await check_detector(detector, speech=SPEECH)


class Phantom(ScriptedTranscriber):
    async def transcribe(self, pcm16: bytes, /, **_: Any) -> AsyncGenerator[str, None]:
        yield "thank you"


class Padded(ScriptedTranscriber):
    async def transcribe(self, pcm16: bytes, /, **_: Any) -> AsyncGenerator[str, None]:
        yield " hello"


@pytest.mark.parametrize(
    ("transcriber", "sentence"),
    [
        (ScriptedTranscriber([]), "nothing was heard in the speech"),
        (ScriptedTranscriber(["hell"]), "not heard: hello; instead: 'hell'"),
        (Padded(), "the transcript has space around it: ' hello'"),
        (Phantom(), "not heard: hello"),
    ],
)
async def test_a_wrong_transcriber_is_found_out(transcriber: ScriptedTranscriber, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        await check_transcriber(transcriber, speech=SPEECH, words="hello")


async def test_a_transcriber_that_hears_phantoms_is_found_out() -> None:
    with pytest.raises(AssertionError, match="no audio was transcribed as 'thank you'"):
        await check_transcriber(Phantom(), speech=SPEECH)


class Unstoppable:
    """Answers in an iterator that goes on after it was closed."""

    name: str = "unstoppable"

    def __init__(self) -> None:
        self.left = 3

    def respond(self, exchange: Exchange, /) -> "Unstoppable":
        self.left = 3
        return self

    def __aiter__(self) -> "Unstoppable":
        return self

    async def __anext__(self) -> str:
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        return "on"

    async def aclose(self) -> None:
        pass


async def test_a_stream_that_goes_on_after_it_was_closed_is_found_out() -> None:
    with pytest.raises(AssertionError, match="a stream that was closed went on"):
        await check_responder(Unstoppable())


class Plain(Unstoppable):
    """Answers in an iterator that cannot be closed, which is allowed."""

    aclose = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


async def test_a_stream_need_not_be_a_generator() -> None:
    await check_responder(Plain())


class Mute:
    name: str = "mute"

    async def respond(self, exchange: Exchange, /) -> AsyncGenerator[str, None]:
        for piece in list[str]():
            yield piece


async def test_a_responder_that_does_not_answer_is_found_out() -> None:
    with pytest.raises(AssertionError, match="'Hello!' was not answered"):
        await check_responder(Mute())


class Text(ScriptedSynthesizer):
    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Any, None]:
        yield text


class Talkative(ScriptedSynthesizer):
    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        yield b"\0\0"


class Halved(ScriptedSynthesizer):
    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        yield b"\0"


@pytest.mark.parametrize(
    ("synthesizer", "sentence"),
    [
        (Text(), "a piece is bytes, not str"),
        (Talkative(), "'' cannot be spoken, and was"),
        (Halved(), "voice 'tone' cut a sample in half"),
        (ScriptedSynthesizer(voices=["a", "a"]), "a synthesizer has voices, each named once"),
    ],
)
async def test_a_wrong_synthesizer_is_found_out(synthesizer: ScriptedSynthesizer, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        await check_synthesizer(synthesizer)
