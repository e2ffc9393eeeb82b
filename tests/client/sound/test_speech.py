"""The model's speech in another encoding, and how much of the wire's bytes that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.client.sound import speech
from duologue.client.sound.playout import ItemPart
from duologue.client.sound.speech import SpeechConverter
from duologue.notices import AudioDelta

ONE, TWO = ItemPart("item_1", 0), ItemPart("item_2", 0)
ENCODINGS = [PCM, PCMU, *(Encoding.of("audio/pcm", rate_hz) for rate_hz in (8_000, 11_025, 48_000))]


def piece(part: ItemPart, audio: bytes, encoding: Encoding = PCM) -> AudioDelta:
    return AudioDelta(
        response_id="r", item_id=part.item_id, content_index=part.content_index, audio=audio, encoding=encoding
    )


@given(
    st.sampled_from(ENCODINGS),
    st.sampled_from(ENCODINGS),
    st.lists(st.integers(0, 999), min_size=1, max_size=6),
    st.lists(st.integers(1, 700), max_size=40),
)
def test_all_that_is_heard_is_all_that_came_and_never_more_than_that(
    wire: Encoding, device: Encoding, lengths: list[int], blocks: list[int]
) -> None:
    converter, made, reported = SpeechConverter(device), 0, 0
    for length in lengths:
        made += sum(len(audio) for _, audio in converter.push(piece(ONE, bytes(length), wire)))
    made += sum(len(audio) for _, audio in converter.flush())
    left = made
    for block in blocks:
        heard = min(left, block * device.bytes_per_sample)
        left -= heard
        reported = converter.heard(ONE, heard) or 0
        assert reported <= sum(lengths)
        # Half a sample, and rounding, may be reported with the last one only.
        assert reported / wire.bytes_per_s <= (made - left) / device.bytes_per_s + 2 / min(wire.rate_hz, device.rate_hz)
    assert converter.heard(ONE, left) == converter.position(ONE) == sum(lengths)


def test_the_next_part_gives_the_rest_of_the_one_before_it() -> None:
    converter = SpeechConverter(Encoding.of("audio/pcm", 48_000))
    first = converter.push(piece(ONE, bytes(480)))
    second = converter.push(piece(TWO, bytes(480)))
    assert [part for part, _ in second] == [ONE, TWO]
    assert sum(len(audio) for part, audio in [*first, *second] if part == ONE) == 960
    assert converter.flush()[0][0] == TWO
    assert converter.flush() == []


def test_what_was_dropped_does_not_come_with_the_next_part() -> None:
    converter = SpeechConverter(Encoding.of("audio/pcm", 48_000))
    converter.push(piece(ONE, bytes(480)))
    converter.drop()
    assert [part for part, _ in converter.push(piece(TWO, bytes(480)))] == [TWO]


def test_speech_behind_the_end_of_a_part_counts_too() -> None:
    converter = SpeechConverter(PCM)
    converter.push(piece(ONE, bytes(480)))
    converter.flush()
    assert converter.heard(ONE, 480) == 480
    assert converter.push(piece(ONE, bytes(240))) == [(ONE, bytes(240))]
    assert converter.heard(ONE, 240) == 720


def test_positions_of_old_parts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_REMEMBERED", 1)
    converter = SpeechConverter(PCM)
    converter.push(piece(ONE, bytes(480)))
    converter.push(piece(TWO, bytes(480)))
    assert (converter.heard(ONE, 480), converter.heard(TWO, 480)) == (None, 480)


def test_a_part_whose_begin_was_missed_is_counted_from_its_beginning() -> None:
    converter = SpeechConverter(PCM)
    converter.push(piece(ONE, bytes(480)), received_bytes=4_800)
    converter.push(piece(ONE, bytes(480)), received_bytes=5_280)
    assert converter.heard(ONE, 480) == 4_800
