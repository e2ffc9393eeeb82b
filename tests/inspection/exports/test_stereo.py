"""Both sides of a call as one sound."""

from __future__ import annotations

import io
import wave
from array import array

import pytest

from duologue.inspection.exports import stereo
from duologue.inspection.exports.stereo import CannotExport, stereo_wav
from duologue.inspection.page.sound_lanes import PlacedSound
from duologue.inspection.page.sounds import FileStore, StoredSound


def sound(begin_s: float, value: int, *, seconds: float, rate_hz: int = 8000, offset_s: float = 0.0) -> PlacedSound:
    stored = StoredSound(rate_hz, FileStore(io.BytesIO()))
    stored.add(array("h", [value] * round((seconds + offset_s) * rate_hz)).tobytes())
    return PlacedSound(begin_s, begin_s + seconds, stored, offset_s)


def channels(content: bytes) -> tuple[int, array[int], array[int]]:
    with wave.open(io.BytesIO(content)) as opened:
        assert (opened.getnchannels(), opened.getsampwidth()) == (2, 2)
        samples = array("h", opened.readframes(opened.getnframes()))
        return opened.getframerate(), samples[0::2], samples[1::2]


def test_the_user_is_left_and_the_model_right_where_they_were_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stereo, "_BLOCK_S", 1)  # the sounds lie over the edges of blocks
    user, model = [sound(0.5, 100, seconds=1.0)], [sound(1.75, 7, seconds=1.5, offset_s=0.25)]
    rate_hz, left, right = channels(b"".join(stereo_wav(user, model, duration_s=4.0)))
    assert rate_hz == 8000
    assert list(left) == [0] * 4000 + [100] * 8000 + [0] * 20_000
    assert list(right) == [0] * 14_000 + [7] * 12_000 + [0] * 6000


def test_a_sound_of_another_rate_is_converted() -> None:
    pytest.importorskip("soxr")
    user, model = [sound(0.0, 1000, seconds=1.0)], [sound(1.0, 1000, seconds=1.0, rate_hz=24_000)]
    rate_hz, left, right = channels(b"".join(stereo_wav(user, model, duration_s=2.0)))
    assert (rate_hz, len(left), len(right)) == (24_000, 48_000, 48_000)
    assert abs(left[12_000] - 1000) < 20
    assert set(left[24_100:]) == {0}
    assert list(right[24_000:]) == [1000] * 24_000


def test_a_call_without_sound_is_silence() -> None:
    rate_hz, left, right = channels(b"".join(stereo_wav([], [], duration_s=0.5)))
    assert (rate_hz, set(left), set(right), len(left)) == (24_000, {0}, {0}, 12_000)
    assert channels(b"".join(stereo_wav([], [], duration_s=0.0)))[1] == array("h")


def test_a_call_that_fits_in_no_such_file_is_refused_before_anything_is_written() -> None:
    with pytest.raises(CannotExport, match="the call lasts 1000000000 s, and a WAV file ends at 4 GB"):
        next(stereo_wav([], [], duration_s=1e9))
