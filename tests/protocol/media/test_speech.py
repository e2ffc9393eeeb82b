from __future__ import annotations

from duologue.audio.formats import PCM
from duologue.protocol.media.speech import Speech


def _speech() -> Speech:
    return Speech("r", PCM, in_conversation=True)


def test_a_part_counts_what_was_played_of_it() -> None:
    speech = _speech()
    speech.push("a", 0, b"\1\0" * 480 * 3)
    speech.push("b", 0, b"\1\0" * 240)
    speech.end_part()
    frames = list(speech.take_frames())
    assert [spoken.part.item_id for spoken in frames] == ["a", "a", "a", "b"]
    assert [spoken.n_samples for spoken in frames] == [480, 480, 480, 240]
    assert frames[-1].frame == b"\1\0" * 240 + bytes(480)
    for spoken in frames[:2]:
        speech.played(spoken)
    assert [(part.item_id, part.played_ms) for part in speech.cut_parts()] == [("a", 40), ("b", 0)]
    for spoken in frames[2:]:
        speech.played(spoken)
    assert speech.cut_parts() == []
    assert speech.part("b", 0).played_ms == 10
    assert not speech.over
    speech.done = True
    assert speech.over


def test_half_a_sample_waits_for_the_other_half() -> None:
    speech = _speech()
    whole = bytes(range(1, 241)) * 8
    for at in range(0, len(whole), 7):
        speech.push("a", 0, whole[at : at + 7])
    speech.end_part()
    assert b"".join(spoken.frame for spoken in speech.take_frames()) == whole


def test_speech_behind_the_end_of_its_part_belongs_to_it() -> None:
    speech = _speech()
    speech.push("a", 0, bytes(960))
    speech.end_part()
    speech.push("a", 0, bytes(960))
    speech.end_part()
    assert speech.part("a", 0).n_left == 2
    assert len(list(speech.take_frames())) == 2


def test_what_is_dropped_is_not_played() -> None:
    speech = _speech()
    speech.push("a", 0, bytes(2000))
    speech.drop()
    speech.end_part()
    assert list(speech.take_frames()) == []
    assert [part.item_id for part in speech.cut_parts()] == ["a"]
