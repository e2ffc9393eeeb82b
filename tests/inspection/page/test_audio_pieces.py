"""The sounds of a page."""

from __future__ import annotations

import base64
import io
import math
from array import array

import pytest

from duologue.audio.g711 import ulaw_to_pcm16
from duologue.audio.samples import from_samples, to_samples
from duologue.inspection.page import audio_pieces
from duologue.inspection.page.audio_pieces import coded, coding_at, pieces_of, speech_only, without_silence, written
from duologue.inspection.page.lanes import SpeechBar
from duologue.inspection.page.sound_lanes import PlacedSound
from duologue.inspection.page.sounds import FileStore, StoredSound

RATE_HZ = 8000


def tone(seconds: float, rate_hz: int = RATE_HZ) -> bytes:
    count = round(seconds * rate_hz)
    return from_samples(array("h", (round(8000 * math.sin(number / 4)) for number in range(count))))


def sound(*parts: bytes, rate_hz: int = RATE_HZ) -> StoredSound:
    made = StoredSound(rate_hz, FileStore(io.BytesIO()))
    for part in parts:
        made.add(part)
    return made


def placed(begin_s: float, made: StoredSound) -> PlacedSound:
    return PlacedSound(begin_s, begin_s + made.duration_s, made, 0.0)


def spans(found: list[PlacedSound]) -> list[tuple[float, float, float]]:
    return [(round(each.begin_s, 3), round(each.end_s, 3), round(each.offset_s, 3)) for each in found]


def test_a_long_sound_is_cut_and_neighbours_are_joined_with_the_silence_between_them() -> None:
    pieces = list(pieces_of([placed(1.0, sound(tone(70)))]))
    assert [(each.begin_s, each.end_s) for each in pieces] == [(1, 31), (31, 61), (61, 71)]
    assert b"".join(each.pcm16() for each in pieces) == tone(70)
    near, far = placed(1.0, sound(tone(0.5))), placed(1.75, sound(tone(0.5)))
    (joined,) = pieces_of([near, far])
    assert joined.pcm16() == tone(0.5) + bytes(2 * RATE_HZ // 4) + tone(0.5)
    assert len(list(pieces_of([near, placed(2.5, sound(tone(0.5)))]))) == 2
    assert len(list(pieces_of([near, placed(1.5, sound(tone(0.5, 24_000), rate_hz=24_000))]))) == 2


def test_of_two_sounds_over_each_other_the_later_one_is_heard() -> None:
    (piece,) = pieces_of([placed(1.0, sound(tone(1))), placed(1.5, sound(tone(1)))])
    assert piece.pcm16() == tone(1)[: len(tone(0.5))] + tone(1)


def test_silence_is_left_out_with_a_margin() -> None:
    made = sound(bytes(2 * RATE_HZ * 2), tone(1), bytes(2 * RATE_HZ * 2), tone(1))
    assert spans(list(without_silence([placed(10.0, made)]))) == [(11.7, 13.15, 1.7), (14.7, 16.0, 4.7)]
    assert list(without_silence([placed(0, sound(bytes(8000)))])) == []


def test_speech_is_kept_by_its_bars() -> None:
    bars = [SpeechBar(2.0, 3.0), SpeechBar(3.2, 4.0), SpeechBar(8.5)]
    assert spans(list(speech_only([placed(1.0, sound(tone(8)))], bars, 9.0))) == [(1.7, 4.3, 0.7), (8.2, 9.0, 7.2)]


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 24_000])
def test_without_a_library_sounds_are_g711_at_8_khz(rate_hz: int) -> None:
    data = coded(tone(0.5, rate_hz), rate_hz, "mulaw8000")
    assert len(data) == 4000
    assert 5000 < max(to_samples(ulaw_to_pcm16(data))) < 9000


def test_mp3_pieces_are_files_of_their_own() -> None:
    soundfile = pytest.importorskip("soundfile")
    assert coding_at(24_000) == "mp3"
    assert coding_at(7350) == "mulaw8000"
    samples, rate_hz = soundfile.read(io.BytesIO(coded(tone(2, 24_000), 24_000, "mp3")), dtype="int16")
    assert rate_hz == 24_000
    assert abs(len(samples) - 48_000) < 2400
    assert abs(int(abs(samples).max()) - 8000) < 2000


def test_a_page_is_told_where_its_pieces_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_pieces, "_soundfile", lambda: None)
    data: dict[str, bytes] = {}
    table = written("user", pieces_of([placed(1.0, sound(tone(31)))]), data.__setitem__)
    assert table == [
        {"id": "audio-user-0", "begin_s": 1.0, "duration_s": 30.0, "coding": "mulaw8000"},
        {"id": "audio-user-1", "begin_s": 31.0, "duration_s": 1.0, "coding": "mulaw8000"},
    ]
    assert len(base64.b64decode(data["audio-user-1"])) == 8000


def test_what_is_kept_no_more_is_silence_and_nothing_is_no_piece() -> None:
    assert written("user", pieces_of([placed(0, StoredSound(RATE_HZ, None))]), lambda name, text: None) == []
