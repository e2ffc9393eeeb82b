from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.input.buffer import MAX_BUFFERED_MS, InputBuffer


def test_audio_between_two_positions_is_taken_and_all_before_its_end_is_dropped() -> None:
    audio = InputBuffer(PCMU, MemoryAccount(100_000_000))
    audio.append(bytes(800) + b"\1" * 800 + b"\2" * 800)
    assert audio.take(100, 200) == b"\1" * 800
    assert (audio.start_ms, audio.end_ms, audio.held_ms) == (200, 300, 100)
    assert audio.take() == b"\2" * 800


def test_positions_outside_the_buffer_mean_its_ends() -> None:
    audio = InputBuffer(PCMU, MemoryAccount(100_000_000))
    audio.append(bytes(800))
    audio.keep_from(50)
    audio.keep_from(-10)
    assert audio.start_ms == 50
    assert len(audio.take(0, 10_000)) == 400
    audio.keep_from(20_000)
    assert (audio.start_ms, audio.end_ms) == (100, 100)


def test_positions_go_on_when_the_encoding_changes() -> None:
    audio = InputBuffer(PCM, MemoryAccount(100_000_000))
    audio.append(bytes(48 * 123))
    audio.change_encoding(PCMA)
    assert (audio.start_ms, audio.end_ms, audio.held_ms) == (123, 123, 0)
    audio.append(bytes(8 * 100))
    assert (audio.start_ms, audio.end_ms) == (123, 223)


def test_a_full_buffer_takes_no_more_and_loses_nothing() -> None:
    audio = InputBuffer(PCMU, MemoryAccount(100_000_000))
    audio.append(bytes(8 * MAX_BUFFERED_MS))
    with pytest.raises(InvalidRequest):
        audio.append(bytes(8))
    assert audio.held_ms == MAX_BUFFERED_MS


STEP_BYTES = 64 * 1024


def test_an_account_counts_a_buffer_in_steps_and_lets_go_of_two_at_a_time() -> None:
    account = MemoryAccount(4 * STEP_BYTES)
    audio = InputBuffer(PCMU, account)
    steps: list[int] = []
    for n_bytes in (0, 1, STEP_BYTES - 1, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES):
        audio.append(bytes(n_bytes))
        steps.append(account.held["input"] // STEP_BYTES)
    with pytest.raises(InvalidRequest) as rejected:
        audio.append(b"1")
    assert (rejected.value.code, rejected.value.param) == ("invalid_value", "audio")
    assert len(audio.held()) == 4 * STEP_BYTES
    for end_ms in (2 * STEP_BYTES // 8 - 1, 2 * STEP_BYTES // 8, 4 * STEP_BYTES // 8):
        audio.keep_from(end_ms)
        steps.append(account.held["input"] // STEP_BYTES)
    audio.append(b"1")
    audio.change_encoding(PCM)
    assert [*steps, account.held["input"]] == [0, 1, 1, 2, 2, 3, 4, 4, 2, 0, 0]


@given(st.lists(st.one_of(st.binary(max_size=7), st.sampled_from(["take", "clear"])), max_size=30))
def test_whole_samples_leave_the_buffer_whatever_the_cuts(steps: list[bytes | str]) -> None:
    audio, sent, out, dropped = InputBuffer(PCM, MemoryAccount(100_000_000)), b"", b"", 0
    for do in steps:
        if isinstance(do, bytes):
            audio.append(do)
            sent += do
        elif do == "take":
            out += audio.take()
        else:
            kept = audio.take()
            dropped += len(kept)
            out += kept
            audio.clear()
        assert len(out) % 2 == 0
        assert sent.startswith(out)


@given(st.lists(st.tuples(st.sampled_from(["append", "keep", "take", "held"]), st.integers(0, 30_000)), max_size=60))
def test_pieces_are_one_stream(steps: list[tuple[str, int]]) -> None:
    audio, stream = InputBuffer(PCMU, MemoryAccount(100_000_000)), bytearray()
    start = 0
    for number, (step, n) in enumerate(steps):
        ms = min(start + n, len(stream)) // 8
        match step:
            case "append":
                audio.append(bytes([number]) * n)
                stream += bytes([number]) * n
            case "keep":
                audio.keep_from(ms)
                start = max(start, 8 * ms)
            case "take":
                ends_at = max(start, 8 * ms)
                assert audio.take(0, ms) == stream[start:ends_at]
                start = ends_at
            case _:
                assert audio.held(n) == stream[start + n :]
        assert (audio.start_ms, audio.end_ms) == (start // 8, len(stream) // 8)
        assert audio.held() == stream[start:]


def test_memory_is_that_of_the_audio_however_it_is_cut() -> None:
    audio = InputBuffer(PCMU, MemoryAccount(100_000_000))
    for _ in range(20_000):
        audio.append(b"x")
    assert len(audio._pieces) < 100
    audio.append(bytes(8_000_000))
    audio.keep_from(audio.end_ms - 100)
    assert sum(map(len, audio._pieces)) == 800
