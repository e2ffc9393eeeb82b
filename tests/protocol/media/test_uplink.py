from __future__ import annotations

from duologue.audio.formats import PCM
from duologue.protocol.media.uplink import Uplink


def test_what_is_held_back_is_all_there_in_order() -> None:
    uplink = Uplink()
    pieces = [bytes([number]) * 960 for number in range(40)]
    heard: list[bytes] = []
    for number, pcm in enumerate(pieces):
        if number in (5, 12, 13, 30):
            uplink.hold()
        if number in (3, 9, 20):
            heard += uplink.release(PCM)
        heard += uplink.heard(pcm)
    heard += uplink.release(PCM)
    assert b"".join(heard) == b"".join(pieces)
    assert uplink.release(PCM) == []


def test_a_second_without_an_answer_ends_the_hold() -> None:
    uplink = Uplink()
    assert [len(uplink.heard(bytes(960))) for _ in range(51)] == [0] * 49 + [50, 1]
