"""Scripted engines keep the contracts and the script."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, just, lists, one_of

from duologue.audio.levels import level_dbfs
from duologue.audio.samples import from_samples
from duologue.engines import scripted
from duologue.engines.base import FunctionCall
from duologue.engines.checks import (
    check_denoiser,
    check_detector,
    check_end_of_turn,
    check_responder,
    check_synthesizer,
    check_transcriber,
    responder_request,
)
from duologue.engines.scripted import (
    ScriptedDenoiser,
    ScriptedDetector,
    ScriptedEndOfTurn,
    ScriptedResponder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    denoisers,
    detectors,
)


async def tone(ms: int, rate_hz: int = 16_000) -> bytes:
    speaker = ScriptedSynthesizer(sample_rate_hz=rate_hz)
    speaker.ms_per_character = ms
    return b"".join([piece async for piece in speaker.synthesize("x", voice="tone")])


async def test_scripted_engines_keep_the_contracts() -> None:
    speech = await tone(2_000)
    await check_detector(ScriptedDetector, speech=speech)
    await check_denoiser(ScriptedDenoiser, speech=speech)
    await check_denoiser(denoisers(sample_rate_hz=24_000), speech=speech)
    await check_end_of_turn(ScriptedEndOfTurn([0.9, 0.1]), speech=speech, complete="all", incomplete="not")
    await check_detector(detectors(sample_rate_hz=8_000, frame_ms=30), speech=await tone(2_000, 8_000))
    await check_transcriber(ScriptedTranscriber(["good morning"]), speech=speech, words="good morning")
    await check_responder(ScriptedResponder())
    await check_synthesizer(ScriptedSynthesizer())


async def test_loudness_decides_what_is_speech() -> None:
    detector = ScriptedDetector(frame_ms=10)
    assert list(await detector.detect(bytes(320) + await tone(10) + bytes(100))) == [0.0, 1.0]
    assert list(await detector.detect(bytes(220))) == [0.0]


@given(
    samples=lists(
        one_of(integers(-32_768, 32_767), integers(-700, 700), integers(-260, 260)), min_size=160, max_size=160
    ),
    threshold_dbfs=one_of(floats(-96.0, 0.0), just(-40.0)),
)
def test_a_detector_is_as_exact_as_if_it_looked_at_the_samples(samples: list[int], threshold_dbfs: float) -> None:
    frame = from_samples(array("h", samples))
    looked_at = samples[::13]
    loud_length = 10 ** (threshold_dbfs / 20) * 32_768 * math.sqrt(len(looked_at))
    detector = ScriptedDetector(sample_rate_hz=8_000, threshold_dbfs=threshold_dbfs)
    assert detector.begin_detecting(frame) == [float(math.hypot(*looked_at) > loud_length)]


async def test_lines_are_heard_and_answered_in_order_and_again() -> None:
    speech, transcriber, responder = (
        await tone(100),
        ScriptedTranscriber(["a b", "c"]),
        ScriptedResponder(["x  y", "z"]),
    )
    heard = [[piece async for piece in transcriber.transcribe(speech)] for _ in range(3)]
    assert heard == [["a", " b"], ["c"], ["a", " b"]]
    request = responder_request("Hello!")
    answers = ["".join([str(piece) async for piece in responder.respond(request)]) for _ in range(3)]
    assert answers == ["x  y", "z", "x  y"]
    assert responder.exchanges == [request] * 3


async def test_a_line_of_the_script_may_be_a_call() -> None:
    call = FunctionCall(name="look", arguments="{}")
    responder = ScriptedResponder(["One two.", call])
    pieces = [[piece async for piece in responder.respond(responder_request("Hello!"))] for _ in range(3)]
    assert pieces == [["One", " two."], [call], ["One", " two."]]


async def test_an_empty_script_is_silent() -> None:
    assert [piece async for piece in ScriptedTranscriber([]).transcribe(await tone(100))] == []
    assert [piece async for piece in ScriptedResponder([]).respond(responder_request("Hello!"))] == []


@pytest.mark.parametrize(("speed", "ms"), [(1.0, 300), (2.0, 150), (0.5, 600)])
async def test_a_tone_lasts_as_long_as_the_text_at_the_speed(speed: float, ms: int) -> None:
    pieces = [piece async for piece in ScriptedSynthesizer().synthesize("hello", voice="low", speed=speed)]
    assert len(b"".join(pieces)) == 48 * ms
    assert {len(piece) for piece in pieces[:-1]} <= {48 * 100}
    assert level_dbfs(b"".join(pieces)) == pytest.approx(-12, abs=0.1)


async def test_an_end_of_turn_detector_returns_its_numbers_and_keeps_what_it_read() -> None:
    detector = ScriptedEndOfTurn([0.2, 0.8])
    assert [await detector.completeness(b"", text) for text in "abc"] == [0.2, 0.8, 0.2]
    assert detector.transcripts == ["a", "b", "c"]


async def test_a_denoiser_leaves_what_is_loud_and_silences_what_is_not() -> None:
    denoiser = denoisers()("far_field")
    loud, hum = await tone(100), b"\x05\0" * 1600
    assert await denoiser.clean(loud) == loud
    assert await denoiser.clean(hum) == bytes(len(hum))
    assert denoiser.kind == "far_field"


async def test_long_audio_is_looked_at_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = await tone(100) + bytes(3200)
    at_once = await ScriptedDetector().detect(audio)
    monkeypatch.setattr(scripted, "_MAX_AT_ONCE_BYTES", 640)
    assert list(await ScriptedDetector().detect(audio)) == list(at_once)
    assert {0.0, 1.0} == set(at_once)
