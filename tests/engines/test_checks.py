"""The shipped checks find what breaks a contract."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest

from duologue.engines.base import FunctionCall, Responder, ResponderRequest
from duologue.engines.checks import check_detector, check_responder, check_synthesizer, check_transcriber
from duologue.engines.scripted import ScriptedDetector, ScriptedSynthesizer, ScriptedTranscriber

SPEECH = b"\x00\x40\x00\xc0" * 16_000


class Wrong(ScriptedDetector):
    """Forgets what does not fill a frame, or changes its probabilities."""

    def __init__(self, change: Callable[[float], float] | None = None) -> None:
        super().__init__()
        self._change = change

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        if self._change is None:
            self._rest = b""
            return await super().detect(pcm16)
        return [self._change(p) for p in await super().detect(pcm16)]


@pytest.mark.parametrize(
    ("detector", "sentence"),
    [
        (Wrong, "cutting the audio into pieces of 2 bytes changed what was detected"),
        (lambda: Wrong(lambda p: 1.0), "digital silence is called speech"),
        (lambda: Wrong(lambda p: 0.0), "only 0 of 100 frames of speech are called speech"),
        (lambda: Wrong(lambda p: 2 * p), "a probability lies between 0 and 1"),
    ],
)
async def test_a_wrong_detector_is_found_out(detector: Callable[[], Wrong], sentence: str) -> None:
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

    def respond(self, request: ResponderRequest, /) -> "Unstoppable":
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


class Plain(Unstoppable):
    """Answers in an iterator that cannot be closed, which is allowed."""

    aclose = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


async def test_a_stream_need_not_be_a_generator() -> None:
    await check_responder(Plain())


class Mute:
    name: str = "mute"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        for piece in list[str]():
            yield piece


class Calling:
    """Calls a fixed function, whatever it is offered."""

    name: str = "calling"

    def __init__(
        self,
        *,
        call: str = "get_weather",
        arguments: str = "{}",
        behind: str = "",
        says: str = "Well.",
        heeds_choice: bool = True,
    ) -> None:
        self._call = FunctionCall(name=call, arguments=arguments)
        self._behind = behind
        self._says = says
        self._heeds_choice = heeds_choice

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        if request.messages and request.messages[-1].role == "tool":
            for word in self._says.split():
                yield word
        elif request.functions and (request.function_choice != "none" or not self._heeds_choice):
            yield self._call
            if self._behind:
                yield self._behind
        else:
            yield "Well."


async def test_a_responder_that_calls_as_it_should_passes() -> None:
    await check_responder(Calling(arguments='{"city": "Paris"}'))


@pytest.mark.parametrize(
    ("responder", "sentence"),
    [
        (Calling(call="order_pizza"), "a function was called that was not offered: 'order_pizza'"),
        (Calling(arguments="Paris"), "the arguments of a call are no JSON object: 'Paris'"),
        (Calling(arguments="[]"), "the arguments of a call are no JSON object"),
        (Calling(behind="There."), "text came behind a call"),
        (Calling(says=""), "nothing was said about what a call returned"),
        (Calling(heeds_choice=False), "a function was called that was not offered"),
        (Mute(), "'Hello!' was not answered"),
        (Unstoppable(), "a stream that was closed went on"),
    ],
)
async def test_a_wrong_responder_is_found_out(responder: Responder, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        await check_responder(responder)


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
