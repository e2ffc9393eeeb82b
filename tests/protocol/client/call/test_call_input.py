from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.protocol.client.call.call_input import CallInput

FRAME = 960
TAIL = [bytes(FRAME)] * 10


def tone(ms: int, value: int = 1000) -> bytes:
    return array("h", [value] * (24 * ms)).tobytes()


def run(line: CallInput, *, until: float) -> list[bytes | str]:
    """What is taken when `take` is called whenever it is due."""
    taken: list[bytes | str] = []
    while (now := line.next_due_at) <= until:
        taken += line.take(now)
    return taken


def sound(taken: list[bytes | str]) -> bytes:
    return b"".join(each for each in taken if isinstance(each, bytes))


def test_silence_is_played_while_nothing_is_sent() -> None:
    line = CallInput(now=5.0)
    assert line.take(5.0) == [bytes(FRAME)]
    assert line.next_due_at == pytest.approx(5.02)
    assert line.take(5.019) == []
    assert run(line, until=5.101) == [bytes(FRAME)] * 5


def test_a_file_is_played_at_the_speed_of_sound() -> None:
    line = CallInput(now=0.0)
    line.append(tone(100))
    assert line.waiting_ms == 100
    assert [len(line.take(at / 1000)) for at in range(0, 100, 20)] == [1] * 5
    assert line.waiting_ms == 0


@given(st.lists(st.integers(1, 90), max_size=12))
def test_sound_that_goes_on_is_one_stream_however_it_was_cut(pieces: list[int]) -> None:
    line = CallInput(now=0.0)
    whole = b"".join(tone(ms, value) for value, ms in enumerate(pieces, 1))
    at = 0
    for value, ms in enumerate(pieces, 1):
        line.append(tone(ms, value))
        at += ms
    assert sound(run(line, until=at / 1000 + 0.5)).rstrip(b"\0") == whole.rstrip(b"\0")


def test_a_late_piece_of_a_microphone_leaves_no_hole() -> None:
    line = CallInput(now=0.0)
    line.append(tone(20, 1))
    taken = line.take(0.0) + line.take(0.02)
    line.append(tone(40, 2))  # 50 ms late
    taken += line.take(0.07)
    assert sound(taken) == tone(20, 1) + tone(40, 2)


def test_a_pause_is_played_as_silence_in_full() -> None:
    line = CallInput(now=0.0)
    line.append(tone(10))
    taken = line.take(0.0) + run(line, until=0.2)
    line.append(tone(20, 2))
    taken += line.take(0.2) + run(line, until=0.22)
    assert sound(taken)[:480] == tone(10)
    assert 0.18 <= sound(taken).index(tone(1, 2)) / PCM.bytes_per_s <= 0.22


def test_a_commit_waits_until_its_sound_has_been_heard() -> None:
    line = CallInput(now=0.0)
    line.append(tone(50))
    line.send("commit", behind_sound=True)
    line.send("create")
    line.append(tone(20, 2))
    line.send("cancel", at_once=True)
    taken = line.take(0.0) + run(line, until=0.5)
    assert taken[0] == "cancel"
    assert taken.index("commit") == 14  # three frames of sound, ten of silence
    assert taken[15] == "create"
    assert taken[16] == tone(20, 2)


def test_without_sound_before_it_a_message_passes_at_once() -> None:
    line = CallInput(now=0.0)
    line.send("commit", behind_sound=True)
    line.send("create")
    assert line.take(0.0)[:2] == ["commit", "create"]


def test_clear_drops_what_has_not_been_played_but_no_committed_sound() -> None:
    line = CallInput(now=0.0)
    line.append(tone(20, 1))
    line.send("commit", behind_sound=True)
    line.append(tone(5000, 2))
    line.clear("clear")
    assert line.waiting_ms == 20
    taken = line.take(0.0) + run(line, until=1.0)
    assert tone(1, 2) not in sound(taken)
    assert [each for each in taken if isinstance(each, str)] == ["commit", "clear"]


def test_sound_of_another_format_is_converted() -> None:
    line = CallInput(now=0.0)
    line.use(PCMU)
    line.append(PCMU.from_pcm16(tone(100)[: 8 * 100 * 2]))
    line.send("commit", behind_sound=True)
    taken = sound(line.take(0.0) + run(line, until=0.5)).rstrip(b"\0")
    assert len(taken) == pytest.approx(len(tone(100)), abs=FRAME)


def test_a_program_that_stood_still_does_not_make_up_for_silence() -> None:
    line = CallInput(now=0.0)
    assert len(line.take(0.0)) == 1
    assert len(line.take(60.0)) == 1


def test_long_appends_cost_no_copies() -> None:
    line = CallInput(now=0.0)
    line.append(bytes(15 << 20))
    for n in range(1000):
        line.take(n * 0.02)
    assert line.waiting_ms == (15 << 20) // 48 - 20_000
