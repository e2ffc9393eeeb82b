"""Samples are little-endian on every machine."""

from array import array

import pytest

from duologue.audio.samples import from_samples, to_samples, whole_samples
from duologue.errors import AudioError

PCM16, SAMPLES = b"\x01\x00\xff\xff\x00\x80", [1, -1, -32768]


def test_bytes_are_samples_and_back() -> None:
    assert to_samples(PCM16).tolist() == SAMPLES
    assert from_samples(array("h", SAMPLES)) == PCM16


@pytest.mark.parametrize("every", [2, 3, 5])
def test_some_samples_are_those_that_a_slice_has(every: int) -> None:
    for n_samples in range(12):
        samples = array("h", range(-300 * n_samples, 300 * n_samples, 300))[:n_samples]
        assert to_samples(from_samples(samples), every=every) == samples[::every]


def test_a_big_endian_machine_swaps_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "big")
    assert to_samples(b"\x00\x01").tolist() == [1]
    samples = array("h", [1])
    assert from_samples(samples) == b"\x00\x01"
    assert samples.tolist() == [1]


def test_half_a_sample_is_an_error() -> None:
    assert whole_samples(b"") == b""
    with pytest.raises(AudioError, match="1 bytes end in half a sample"):
        to_samples(b"\0")
