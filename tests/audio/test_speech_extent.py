"""Where the speech of a clip is."""

from __future__ import annotations

from array import array

from duologue.audio.levels import FLOOR_DBFS
from duologue.audio.speech_extent import SpeechExtent


def test_speech_reaches_from_the_first_loud_frame_to_the_last() -> None:
    quiet, loud, weak = (array("h", [amplitude] * 24).tobytes() for amplitude in (20, 9000, 300))
    extent = SpeechExtent.of(quiet * 100 + loud * 45 + weak * 35 + quiet * 60, 24_000)
    assert (extent.begin_ms, extent.end_ms) == (100, 180)
    assert -12 < extent.loudest_dbfs < -11


def test_a_clip_of_nothing_begins_and_ends_at_once() -> None:
    assert SpeechExtent.of(b"", 24_000) == SpeechExtent(begin_ms=0, end_ms=20, loudest_dbfs=FLOOR_DBFS)
