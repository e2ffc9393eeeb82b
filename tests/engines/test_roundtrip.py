"""What one engine says, the others hear."""

from collections.abc import Callable

import pytest

from duologue.audio.resampling import resample
from duologue.audio.wav import Sound
from duologue.engines.base import Synthesizer, Transcriber, VoiceDetector
from duologue.engines.checks import responder_request
from duologue.engines.embedded.intents import answer


@pytest.mark.parametrize("voice", ["heart", "cedar", "shimmer"])
async def test_speech_is_made_found_and_understood(
    synthesizer: Synthesizer, new_detector: Callable[[], VoiceDetector], transcriber: Transcriber, voice: str
) -> None:
    text = "What is the weather in Paris tomorrow?"
    spoken = b"".join([piece async for piece in synthesizer.synthesize(text, voice=voice)])
    pause = bytes(16_000)
    heard = pause + resample(spoken, synthesizer.sample_rate_hz, 16_000) + pause
    probabilities = list(await new_detector().detect(heard))
    loud = [place for place, p in enumerate(probabilities) if p >= 0.5]
    assert 13 < loud[0] < 24
    assert len(probabilities) - 24 < loud[-1] < len(probabilities) - 10
    assert "".join([piece async for piece in transcriber.transcribe(heard)]) == text


@pytest.mark.parametrize(
    ("name", "reply"), [("question_arithmetic", "7 times 8 is 56."), ("question_time", "It is 3:09 PM.")]
)
async def test_the_questions_of_the_demo_are_heard_and_answered(
    transcriber: Transcriber, questions: dict[str, Sound], name: str, reply: str
) -> None:
    question = questions[name].at(16_000).pcm16
    heard = "".join([piece async for piece in transcriber.transcribe(question)])
    assert answer(responder_request(heard)) == reply
