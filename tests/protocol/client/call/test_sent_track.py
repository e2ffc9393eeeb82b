from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.protocol.client.call.sent_track import SentTrack

FRAME = 960


def tone(ms: int, value: int = 1000) -> bytes:
    return array("h", [value] * (24 * ms)).tobytes()


def take(line: SentTrack, now: float) -> list[bytes | str]:
    return [*line.take_messages(), *line.take_frames(now), *line.take_messages()]


def run(line: SentTrack, *, until: float) -> list[bytes | str]:
    """What is taken whenever it is due."""
    taken: list[bytes | str] = []
    while (now := line.next_due_at) <= until:
        taken += take(line, now)
    return taken


def sound(taken: list[bytes | str]) -> bytes:
    return b"".join(each for each in taken if isinstance(each, bytes))


def test_silence_is_played_while_nothing_is_sent() -> None:
    line = SentTrack(now=5.0)
    assert take(line, 5.0) == [bytes(FRAME)]
    assert line.next_due_at == pytest.approx(5.02)
    assert take(line, 5.019) == []
    assert run(line, until=5.101) == [bytes(FRAME)] * 5


def test_a_file_is_played_at_the_speed_of_sound() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(100))
    assert line.waiting_ms == 100
    assert [len(take(line, at / 1000)) for at in range(0, 100, 20)] == [1] * 5
    assert line.waiting_ms == 0


@given(st.lists(st.integers(1, 90), max_size=12))
def test_sound_that_goes_on_is_one_stream_however_it_was_cut(pieces: list[int]) -> None:
    line = SentTrack(now=0.0)
    whole = b"".join(tone(ms, value) for value, ms in enumerate(pieces, 1))
    at = 0
    for value, ms in enumerate(pieces, 1):
        line.append(tone(ms, value))
        at += ms
    assert sound(run(line, until=at / 1000 + 0.5)).rstrip(b"\0") == whole.rstrip(b"\0")


def test_a_late_piece_of_a_microphone_leaves_no_hole() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(20, 1))
    taken = take(line, 0.0) + take(line, 0.02)
    line.append(tone(40, 2))  # 50 ms late
    taken += take(line, 0.07)
    assert sound(taken) == tone(20, 1) + tone(40, 2)


def test_a_pause_is_played_as_silence_in_full() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(10))
    taken = take(line, 0.0) + run(line, until=0.2)
    line.append(tone(20, 2))
    taken += take(line, 0.2) + run(line, until=0.22)
    assert sound(taken)[:480] == tone(10)
    assert 0.18 <= sound(taken).index(tone(1, 2)) / PCM.bytes_per_s <= 0.22


def test_a_commit_waits_until_its_sound_has_been_heard() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(50))
    line.send("commit", behind_sound=True)
    line.send("create")
    line.append(tone(20, 2))
    line.send("cancel", at_once=True)
    taken = take(line, 0.0) + run(line, until=0.5)
    assert taken[0] == "cancel"
    assert taken.index("commit") == 14  # three frames of sound, ten of silence
    assert taken[15] == "create"
    assert taken[16] == tone(20, 2)


def test_without_sound_before_it_a_message_passes_at_once() -> None:
    line = SentTrack(now=0.0)
    line.send("commit", behind_sound=True)
    line.send("create")
    assert take(line, 0.0)[:2] == ["commit", "create"]


def test_clear_drops_what_has_not_been_played_but_no_committed_sound() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(20, 1))
    line.send("commit", behind_sound=True)
    line.append(tone(5000, 2))
    line.clear("clear")
    assert line.waiting_ms == 20
    taken = take(line, 0.0) + run(line, until=1.0)
    assert tone(1, 2) not in sound(taken)
    assert [each for each in taken if isinstance(each, str)] == ["commit", "clear"]


def test_sound_of_another_format_is_converted() -> None:
    line = SentTrack(now=0.0)
    line.use(PCMU)
    line.append(PCMU.from_pcm16(tone(100)[: 8 * 100 * 2]))
    line.send("commit", behind_sound=True)
    taken = sound(take(line, 0.0) + run(line, until=0.5)).rstrip(b"\0")
    assert len(taken) == pytest.approx(len(tone(100)), abs=FRAME)


def test_a_program_that_stood_still_does_not_make_up_for_silence() -> None:
    line = SentTrack(now=0.0)
    assert len(take(line, 0.0)) == 1
    assert len(take(line, 60.0)) == 1


def test_long_appends_cost_no_copies() -> None:
    line = SentTrack(now=0.0)
    line.append(bytes(15 << 20))
    for n in range(1000):
        take(line, n * 0.02)
    assert line.waiting_ms == (15 << 20) // 48 - 20_000


def test_a_microphone_that_was_held_up_is_not_late_for_ever() -> None:
    line = SentTrack(now=0.0)
    line.append(tone(1000))  # what it heard while the program stood still
    played = 0
    for n in range(50 * 6):
        # Half of what it hears is pauses.
        line.append(tone(20, 1000 if n // 10 % 2 else 0))
        played += len(line.take_frames(n * 0.02))
    assert played == 50 * 6
    assert line.waiting_ms < 160


def test_a_clip_with_pauses_is_played_whole() -> None:
    line = SentTrack(now=0.0)
    clip = (tone(200) + tone(800, 0)) * 5
    line.append(clip)
    assert sound(run(line, until=6.0)).startswith(clip)
