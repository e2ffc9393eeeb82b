"""Levels are in dB below full scale."""

from array import array

import pytest

from duologue.audio.levels import FLOOR_DBFS, level_dbfs


@pytest.mark.parametrize(("amplitude", "dbfs"), [(-32768, 0.0), (16384, -6.0206), (3277, -19.9995), (1, -90.309)])
def test_a_square_wave_has_its_amplitude_as_level(amplitude: int, dbfs: float) -> None:
    assert level_dbfs(array("h", [amplitude] * 100).tobytes()) == pytest.approx(dbfs, abs=0.0001)


def test_silence_and_nothing_are_the_floor() -> None:
    assert level_dbfs(b"") == level_dbfs(bytes(200)) == FLOOR_DBFS


def test_nothing_lies_below_the_floor() -> None:
    assert level_dbfs(array("h", [1] + [0] * 99_999).tobytes()) == FLOOR_DBFS
