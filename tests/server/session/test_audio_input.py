from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, Encoding
from duologue.audio.resampling import resample
from duologue.engines.scripted import ScriptedDenoiser, denoisers
from duologue.events.base import encode_audio
from duologue.protocol import Detect, Transcribe
from duologue.protocol.server.conversation import client_items
from duologue.protocol.server.conversation.client_items import audio_of
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.session import audio_input
from duologue.server.session.audio_input import DetectorInput, decode_long_audio, pcm16_of, transcribe

LOUD, HUM = b"\x00\x40" * 480, b"\x05\x00" * 480
"""20 ms of PCM at 24 kHz: speech, and what a scripted denoiser takes out."""


class Listener:
    """A detector that keeps what it gets."""

    frame_ms = 20

    def __init__(self, sample_rate_hz: int = 24_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.heard = b""

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        self.heard += pcm16
        return [0.0] * (len(pcm16) // 960)


class Reader(Listener):
    """A transcriber that keeps what it reads."""

    name = "reader"

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        self.heard += pcm16
        yield f"{language} {prompt}"


async def test_a_detector_gets_every_byte_once_however_the_audio_is_cut() -> None:
    detector = Listener()
    ear, stream = DetectorInput(detector), LOUD + HUM
    for start in range(0, len(stream), 7):
        await ear.push(Detect(stream[start : start + 7], PCM))
    assert detector.heard == stream


async def test_noise_reduction_cleans_what_the_detector_gets() -> None:
    detector = Listener()
    ear = DetectorInput(detector, denoisers(sample_rate_hz=24_000))
    await ear.push(Detect(HUM, PCM))
    await ear.push(Detect(HUM, PCM, "near_field"))
    await ear.push(Detect(LOUD, PCM, "near_field"))
    assert detector.heard == HUM + bytes(960) + LOUD


async def test_noise_reduction_changes_nothing_where_no_engine_offers_it() -> None:
    detector = Listener()
    await DetectorInput(detector).push(Detect(HUM, PCM, "far_field"))
    assert detector.heard == HUM


async def test_a_denoiser_works_at_its_own_rate_and_keeps_the_length() -> None:
    pytest.importorskip("soxr")
    detector, made = Listener(16_000), list[ScriptedDenoiser]()

    def make(kind: str) -> ScriptedDenoiser:
        made.append(ScriptedDenoiser(kind, sample_rate_hz=48_000))
        return made[-1]

    ear = DetectorInput(detector, make)
    for _ in range(50):
        await ear.push(Detect(LOUD, PCM, "far_field"))
    assert [denoiser.kind for denoiser in made] == ["far_field"]
    assert len(detector.heard) / 2 / 16_000 == pytest.approx(1.0, abs=0.1)


async def test_a_change_of_format_makes_a_new_beginning() -> None:
    pytest.importorskip("soxr")
    detector = Listener()
    ear = DetectorInput(detector)
    await ear.push(Detect(LOUD + LOUD[:3], PCM))
    await ear.push(Detect(b"\xff" * 320, Encoding.of("audio/pcmu")))
    assert detector.heard[: len(LOUD)] == LOUD
    assert detector.heard[len(LOUD) :]
    assert not any(detector.heard[len(LOUD) + 2 :])


async def test_a_recording_that_is_appended_whole_yields_to_other_tasks_and_is_the_same_as_in_pieces() -> None:
    pytest.importorskip("soxr")
    whole, pieces = Listener(16_000), Listener(16_000)
    ear, hearing = DetectorInput(pieces), asyncio.ensure_future(DetectorInput(whole).push(Detect(200 * LOUD, PCM)))
    await asyncio.sleep(0)
    assert not hearing.done()
    for _ in range(200):
        await ear.push(Detect(LOUD, PCM))
    await asyncio.wait_for(hearing, 5)
    assert whole.heard == pieces.heard


async def test_a_long_utterance_is_made_ready_while_others_are_served() -> None:
    pytest.importorskip("soxr")
    reading = asyncio.ensure_future(pcm16_of(utterance(200 * LOUD), 16_000))
    await asyncio.sleep(0)
    assert not reading.done()
    assert await asyncio.wait_for(reading, 5) == resample(200 * LOUD, 24_000, 16_000)


def utterance(audio: bytes, noise_reduction: str | None = None) -> Transcribe:
    return Transcribe("item_1", audio, PCM, "en", "a hint", noise_reduction)


async def test_an_utterance_is_cleaned_before_it_is_read() -> None:
    reader, make = Reader(), denoisers(sample_rate_hz=24_000)
    assert [piece async for piece in transcribe(reader, utterance(HUM, "near_field"), make)] == ["en a hint"]
    assert reader.heard == bytes(960)
    assert await pcm16_of(utterance(HUM), 24_000, make) == HUM
    assert await pcm16_of(utterance(HUM, "near_field"), 24_000) == HUM


async def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert await pcm16_of(utterance(LOUD[:9]), 24_000) == LOUD[:8]


@given(st.text("AQ=+/!\né", max_size=40) | st.binary(max_size=40).map(encode_audio))
def test_long_audio_is_decoded_as_short_audio_is(encoded: str) -> None:
    def outcome(decode: Callable[[], bytes]) -> bytes | str:
        try:
            return decode()
        except InvalidRequest as invalid:
            return invalid.message

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(audio_input, "_PIECE_CHARS", 8)
        long = outcome(lambda: asyncio.run(decode_long_audio(f"{encoded:A>9}")))
    assert long == outcome(lambda: audio_of(f"{encoded:A>9}", "audio"))


def test_long_audio_may_not_be_longer_than_an_append(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_input, "_PIECE_CHARS", 1024)
    monkeypatch.setattr(client_items, "MAX_AUDIO_BYTES", 3000)
    assert len(asyncio.run(decode_long_audio(encode_audio(bytes(3000))))) == 3000
    with pytest.raises(InvalidRequest, match="3001"):
        asyncio.run(decode_long_audio(encode_audio(bytes(3001))))
