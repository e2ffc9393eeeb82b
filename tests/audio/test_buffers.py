"""Audio as programs hold it."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

from duologue.audio.buffers import is_bytes, mono_pcm16
from duologue.audio.extras import needs
from duologue.audio.samples import from_samples
from duologue.errors import AudioError, MissingExtra

SAMPLES = [0, 1, -1, 12_345, -32_768, 32_767]
PCM16 = from_samples(array("h", SAMPLES))
INT16 = np.array(SAMPLES, np.int16)


class Tensor:
    """What another library holds samples in."""

    def __init__(self, samples: Any) -> None:
        self._samples = samples

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self._samples


@pytest.mark.parametrize(
    "audio",
    [
        pytest.param(PCM16, id="bytes"),
        pytest.param(bytearray(PCM16), id="bytearray"),
        pytest.param(memoryview(PCM16), id="memoryview"),
        pytest.param(
            memoryview(b"".join(PCM16[i : i + 2] + b"??" for i in range(0, 12, 2))).cast("h")[::2], id="strided"
        ),
        pytest.param(array("h", SAMPLES), id="array"),
        pytest.param(INT16, id="numpy"),
        pytest.param(INT16.astype(">i2"), id="big-endian"),
        pytest.param(INT16.astype(np.int32) << 16, id="int32"),
        pytest.param(INT16.astype(np.float32) / 32_768, id="float32"),
        pytest.param(INT16.astype(np.float64) / 32_768, id="float64"),
        pytest.param(array("f", [each / 32_768 for each in SAMPLES]), id="array of floats"),
        pytest.param(INT16.reshape(-1, 1), id="one column"),
        pytest.param(np.repeat(INT16, 2)[::2], id="every second sample"),
        pytest.param(Tensor(INT16), id="a tensor"),
    ],
)
def test_the_same_samples_are_the_same_audio_whatever_holds_them(audio: Any) -> None:
    assert mono_pcm16(audio) == PCM16


def test_channels_are_averaged_whether_they_are_columns_or_interleaved() -> None:
    stereo = np.array([[100, 300], [-4, -8], [0, 32_767]], np.int16)
    mixed = from_samples(array("h", [200, -6, 16_384]))
    assert mono_pcm16(stereo) == mixed
    assert mono_pcm16(stereo.reshape(-1), channels=2) == mixed
    assert mono_pcm16(stereo.tobytes(), channels=2) == mixed
    assert mono_pcm16(stereo.astype(np.float32) / 32_768) == mixed
    assert mono_pcm16(stereo, channels=2) == mixed


def test_floats_beyond_full_scale_are_clipped_and_what_is_no_number_is_silence() -> None:
    odd = np.array([1.5, -1.5, np.nan, np.inf], np.float32)
    assert mono_pcm16(odd) == from_samples(array("h", [32_767, -32_768, 0, 0]))


@pytest.mark.parametrize(
    ("audio", "channels", "problem"),
    [
        (b"odd", None, "3 bytes end in half a sample"),
        (INT16.reshape(2, 3).repeat(40, axis=1), None, r"pass it as audio.T"),
        (INT16.reshape(3, 2), 1, "does not have 1 channels in columns"),
        (INT16.reshape(1, 2, 3), None, "does not have 1 channels"),
        (INT16[:5], 2, "5 samples are no whole number of frames of 2 channels"),
        (INT16[:5].astype(np.float32) / 40_000, 2, "5 samples are no whole number"),
        (INT16.astype(np.float32), None, "reach from -1 to 1"),
        (INT16.astype(np.uint8), None, "not uint8"),
        (PCM16, 0, "one channel or more"),
        ("speech.wav", None, "is bytes, an array or a Sound, not str"),
    ],
)
def test_what_would_be_noise_is_refused(audio: Any, channels: int | None, problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        mono_pcm16(audio, channels=channels)


def test_numbers_of_eight_bits_are_no_bytes() -> None:
    assert is_bytes(memoryview(b"a"))
    assert not is_bytes(INT16.astype(np.uint8))


def test_what_needs_no_conversion_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    assert mono_pcm16(array("h", SAMPLES)) == mono_pcm16(bytearray(PCM16)) == PCM16
    for audio, channels in ((PCM16, 2), (array("f", [0.5]), None), (Tensor(INT16), None)):
        with pytest.raises(MissingExtra, match=r"duologue\[audio\]"):
            mono_pcm16(audio, channels=channels)
    with pytest.raises(MissingExtra), needs("audio"):
        raise ModuleNotFoundError(name="numpy")
