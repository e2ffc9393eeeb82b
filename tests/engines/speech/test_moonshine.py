"""Moonshine writes down what was said, and nothing where nothing was."""

from dataclasses import replace
from typing import Any

import pytest

from bench.turn import WORDS, edits, plain
from duologue.engines.base import Transcriber
from duologue.engines.checks import check_transcriber
from duologue.engines.speech import moonshine as module
from duologue.engines.worker import Worker
from duologue.errors import MissingExtra

np = pytest.importorskip("numpy", reason="the speech extra is not installed")

RANDOM = np.random.default_rng(0)
TIME = np.arange(32_000)
NOT_SPEECH = {
    "silence": TIME * 0,
    "hum": 2_000 * np.sin(TIME * 2 * np.pi * 50 / 16_000),
    "noise": RANDOM.standard_normal(32_000) * 3_000,
    "a quiet room": RANDOM.standard_normal(32_000) * 20,
    "clicks": np.where(TIME % 8_000 < 20, 20_000, 0),
    "a tone": 8_000 * np.sin(TIME / 5),
}


async def transcript(transcriber: Transcriber, pcm16: bytes) -> str:
    return "".join([piece async for piece in transcriber.transcribe(pcm16)])


async def test_moonshine_keeps_the_contract(transcriber: Transcriber, recordings: dict[str, bytes]) -> None:
    await check_transcriber(transcriber, speech=recordings["librivox_0930"], words="he might even have been amiable")


async def test_a_reader_is_understood(transcriber: Transcriber, recordings: dict[str, bytes]) -> None:
    assert set(recordings) == set(WORDS)
    wrong = total = 0
    for name, pcm16 in recordings.items():
        expected = WORDS[name].split()
        wrong += edits(expected, plain(await transcript(transcriber, pcm16)))
        total += len(expected)
    assert wrong / total <= 0.03


@pytest.mark.parametrize(("before_ms", "behind_ms"), [(0, 0), (300, 500), (100, 700), (1000, 200)])
async def test_silence_around_words_changes_none_of_them(
    transcriber: Transcriber, recordings: dict[str, bytes], before_ms: int, behind_ms: int
) -> None:
    speech = bytes(32 * before_ms) + recordings["librivox_0880"] + bytes(32 * behind_ms)
    assert plain(await transcript(transcriber, speech)) == WORDS["librivox_0880"].split()


def test_quiet_ends_are_what_lies_40_db_below_the_speech() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[6_400:9_600] = 0.1
    samples[12_000:12_160] = 0.9  # a click counts as sound, and does not make the speech quiet
    samples[:6_400] = samples[13_000:] = 0.0005
    assert len(module._without_quiet_ends(samples)) == 12_160 - 6_400 + module._LEAD_SAMPLES + module._TAIL_SAMPLES
    assert len(module._without_quiet_ends(samples[:6_400] * 0)) == 6_400
    assert len(module._without_quiet_ends(samples[:100])) == 100


@pytest.mark.parametrize("name", NOT_SPEECH)
async def test_what_is_not_speech_gives_no_text(transcriber: Transcriber, name: str) -> None:
    assert await transcript(transcriber, NOT_SPEECH[name].astype("<i2").tobytes()) == ""


async def test_speech_beyond_the_window_is_cut_where_it_is_quiet(
    transcriber: Transcriber, recordings: dict[str, bytes]
) -> None:
    names = sorted(recordings)
    speech = b"".join(recordings[name] for name in names)
    assert len(speech) > 2 * module._MAX_SAMPLES
    expected = [word for name in names for word in WORDS[name].split()]
    assert edits(expected, plain(await transcript(transcriber, speech))) <= 2


def test_the_quietest_stretch_of_the_second_half_is_where_to_cut() -> None:
    samples = np.ones(16_000, np.float32)
    samples[2_000:4_000] = samples[11_200:12_800] = 0
    assert module._quiet_place(samples) == 12_000


def decoder(transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch, text: str, confidence: float) -> None:
    """Makes the model say this."""
    pieces: Any = transcriber._pieces  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    ids = [pieces.index(bytes([byte])) if byte != 32 else pieces.index("▁".encode()) for byte in text.encode()]
    monkeypatch.setattr(transcriber, "_decode", lambda samples: (ids, confidence))


@pytest.mark.parametrize(
    ("decoded", "confidence", "written"),
    [
        ("To-morrow, or to-day", -0.1, "Tomorrow, or today"),
        ("you see", -0.9, ""),
        ("you see it is fine", -0.9, "you see it is fine"),
        ("♪♪", -0.1, ""),
    ],
)
async def test_what_the_model_says_is_judged_and_spelled(
    transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch, decoded: str, confidence: float, written: str
) -> None:
    decoder(transcriber, monkeypatch, decoded, confidence)
    assert await transcript(transcriber, bytes(3_200)) == written


def test_pieces_are_read_with_lengths_of_one_byte_and_of_two() -> None:
    long = b"x" * 300
    assert module._read_pieces(b"\x01a\x00" + bytes([300 % 128 + 128, 300 // 128]) + long) == [b"a", b"", long]


def test_without_a_carrier_of_weights_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    absent = [replace(carrier, weights=replace(carrier.weights, package="nowhere")) for carrier in module._CARRIERS]
    monkeypatch.setattr(module, "_CARRIERS", absent)
    with pytest.raises(
        MissingExtra, match=r"moonshine-cpp==0\.1\.4: not installed; run: pip install 'duologue\[speech\]'"
    ):
        module.MoonshineTranscriber(worker)


async def test_the_small_model_stands_in_where_the_large_one_cannot_be_installed(
    monkeypatch: pytest.MonkeyPatch, worker: Worker, recordings: dict[str, bytes]
) -> None:
    tiny = module._CARRIERS[1]
    if tiny.weights.path is None:
        pytest.skip(f"{tiny.weights.requirement} is not installed here")
    monkeypatch.setattr(module, "_CARRIERS", [tiny])
    transcriber = await worker.run(module.MoonshineTranscriber, worker)
    assert transcriber.name == "moonshine-tiny-en"
    await check_transcriber(transcriber, speech=recordings["librivox_0930"], words="made amiable himself")
