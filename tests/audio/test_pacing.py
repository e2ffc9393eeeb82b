from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.pacing import Framer, Pacer, silence
from duologue.errors import AudioError

ENCODINGS = [PCM, PCMU, PCMA, Encoding.of("audio/pcm", 44_100), Encoding.of("audio/pcm", 16_000)]

encodings = st.sampled_from(ENCODINGS)
lengths_ms = st.sampled_from([10, 20, 40, 100])
pieces = st.lists(st.binary(max_size=3000), max_size=20)


@given(encodings, lengths_ms, pieces)
def test_frames_are_the_stream_however_it_came_in_pieces(encoding: Encoding, frame_ms: int, cut: list[bytes]) -> None:
    framer = Framer(encoding, frame_ms=frame_ms)
    frames = [frame for piece in cut for frame in framer.push(piece)]
    last = framer.flush()
    assert {len(frame) for frame in frames} <= {framer.frame_bytes}
    assert encoding.duration_ms(framer.frame_bytes) == frame_ms
    whole = b"".join(cut)
    whole = whole[: len(whole) // encoding.bytes_per_sample * encoding.bytes_per_sample]
    joined = b"".join(frames) + last
    assert joined[: len(whole)] == whole
    assert joined[len(whole) :] == silence(encoding, len(joined) - len(whole))
    assert len(joined) - len(whole) < framer.frame_bytes
    assert framer.flush() == b""


@pytest.mark.parametrize(("rate_hz", "frame_ms"), [(11_025, 10), (24_000, 0), (24_000, -20)])
def test_a_frame_that_is_no_whole_number_of_samples_is_refused(rate_hz: int, frame_ms: int) -> None:
    with pytest.raises(AudioError, match="whole number of samples"):
        Framer(Encoding.of("audio/pcm", rate_hz), frame_ms=frame_ms)


def test_a_frame_may_be_as_short_as_a_millisecond() -> None:
    assert Framer(Encoding.of("audio/pcm", 24_000), frame_ms=1).frame_bytes == 48


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_silence_is_silent_in_every_format(encoding: Encoding) -> None:
    samples = encoding.to_pcm16(silence(encoding, 4 * encoding.bytes_per_sample))
    assert all(abs(int.from_bytes(samples[at : at + 2], "little", signed=True)) <= 8 for at in range(0, 8, 2))


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200), st.floats(0, 1e6))
def test_the_nth_frame_is_due_n_frames_behind_the_first_however_late_it_is_taken(
    delays_s: list[float], began_at: float
) -> None:
    pacer = Pacer(PCM, frame_ms=20)
    frames = 300
    pacer.push(bytes(960 * frames), now=began_at)
    taken, now = 0, began_at
    for delay_s in delays_s:
        taken += len(pacer.take(now))
        if taken == frames:
            assert pacer.next_due_at == inf
            break
        assert pacer.next_due_at == pytest.approx(began_at + taken * 0.02, abs=1e-9)
        assert pacer.next_due_at > now
        assert pacer.waiting_ms == (frames - taken) * 20
        now = pacer.next_due_at + delay_s


def test_an_hour_does_not_drift() -> None:
    pacer = Pacer(Encoding.of("audio/pcm", 44_100), frame_ms=20)
    frames = 3600 * 50
    now = 0.0
    for number in range(frames):
        pacer.push(bytes(1764), now=now)
        assert len(pacer.take(now)) == 1
        now = (number + 1) * 882 / 44_100
        pacer.push(b"", now=now)
    pacer.push(bytes(1764), now=now)
    assert pacer.next_due_at == 3600.0


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 4000), st.booleans()), max_size=60))
def test_what_goes_in_comes_out_once_in_order_and_never_early(steps: list[tuple[float, int, bool]]) -> None:
    pacer = Pacer(PCMU, frame_ms=20)
    now, sent, got = 0.0, bytearray(), bytearray()
    moments: list[float] = []
    for number, (wait_s, n_bytes, takes) in enumerate(steps):
        now += wait_s
        piece = bytes([number % 256]) * n_bytes
        sent += piece
        pacer.push(piece, now=now)
        if takes:
            frames = pacer.take(now)
            moments += [now] * len(frames)
            got += b"".join(frames)
    pacer.finish(now=now)
    while pacer.next_due_at < inf:
        now = max(now, pacer.next_due_at)
        frames = pacer.take(now)
        moments += [now] * len(frames)
        got += b"".join(frames)
    assert bytes(got[: len(sent)]) == bytes(sent)
    assert len(got) - len(sent) < 160
    # Never faster than the sound: k frames more take k frames of time, give or take the one that is due at once.
    assert all(later >= earlier for earlier, later in pairwise(moments))
    assert pacer.waiting_ms == 0


def test_a_stream_that_paused_goes_on_at_once_and_at_its_own_speed() -> None:
    pacer = Pacer(PCM, frame_ms=20)
    pacer.push(bytes(960), now=0.0)
    assert len(pacer.take(0.0)) == 1
    pacer.push(bytes(960 * 3), now=5.0)
    assert len(pacer.take(5.0)) == 1
    assert pacer.next_due_at == pytest.approx(5.02)


def test_a_lead_hands_the_begin_of_a_run_out_at_once_and_keeps_that_distance() -> None:
    pacer = Pacer(PCM, frame_ms=20, lead_ms=60)
    pacer.push(bytes(960 * 10), now=0.0)
    assert len(pacer.take(0.0)) == 4
    assert pacer.next_due_at == pytest.approx(0.02)


def test_an_interruption_drops_what_was_not_handed_out_and_says_how_much() -> None:
    pacer = Pacer(PCM, frame_ms=20)
    pacer.push(bytes(960 * 3 + 10), now=0.0)
    pacer.take(0.0)
    assert pacer.clear() == 960 * 2 + 10
    assert (pacer.next_due_at, pacer.waiting_ms, pacer.take(9.0)) == (inf, 0, [])
    pacer.push(bytes(950), now=0.0)
    assert pacer.next_due_at == inf  # the 10 bytes of an unfinished frame were dropped too
    pacer.push(bytes(10), now=0.001)
    assert pacer.next_due_at == 0.001


def test_behind_a_standstill_the_rest_is_put_off() -> None:
    pacer = Pacer(PCM, frame_ms=20, max_late_ms=100)
    pacer.push(bytes(960 * 100), now=0.0)
    assert len(pacer.take(0.0901)) == 5
    assert len(pacer.take(5.0)) == 1
    assert pacer.next_due_at == pytest.approx(5.02)
    assert len(pacer.take(5.0801)) == 4
