"""Where something is heard."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.sounding import sounding_ms


def piece(*parts: tuple[int, int]) -> bytes:
    """So many milliseconds of each amplitude, PCM16 at 24 kHz."""
    return b"".join(array("h", [amplitude] * (24 * ms)).tobytes() for ms, amplitude in parts)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([(100, 0)], (0, 0)),
        ([(100, 40)], (0, 0)),  # noise of a line
        ([(100, -9000)], (0, 100)),
        ([(30, 0), (40, 500), (30, 0)], (30, 70)),
        ([(34, 0), (1, 500), (65, 0)], (30, 40)),
        ([(50, 0), (45, 500)], (50, 95)),
        ([], (0, 0)),
    ],
)
def test_the_first_and_the_last_sound_are_told(parts: list[tuple[int, int]], found: tuple[int, int]) -> None:
    assert sounding_ms(piece(*parts), PCM) == found


@pytest.mark.parametrize("encoding", [PCMU, PCMA])
def test_silence_of_g711_is_silence(encoding: Encoding) -> None:
    quiet, loud = array("h", [0] * 400).tobytes(), array("h", [9000] * 400).tobytes()
    assert sounding_ms(encoding.from_pcm16(quiet), encoding) == (0, 0)
    assert sounding_ms(encoding.from_pcm16(quiet + loud + quiet), encoding) == (50, 100)


@given(
    st.binary(max_size=2000),
    st.sampled_from([PCM, PCMU, PCMA, Encoding(PCM.type, 1, 2), Encoding(PCM.type, 11_025, 2)]),
)
def test_any_bytes_have_an_extent_within_them(audio: bytes, encoding: Encoding) -> None:
    first, last = sounding_ms(audio, encoding)
    assert 0 <= first <= last <= encoding.duration_ms(len(audio))
