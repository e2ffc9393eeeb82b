"""A few minutes of the call that `bench/soak.py` holds for an hour."""

from __future__ import annotations

from bench.soak import TURNS_A_MINUTE, resident_bytes, run_core, run_socket

MAX_BYTES_AN_ITEM = 4096
"""Of memory: a sentence and its item; the speech of one turn has 240 000."""


def test_pain_13_a_long_call_holds_its_words_and_nothing_else() -> None:
    minutes = run_core(5)
    items = 2 * TURNS_A_MINUTE * (len(minutes) - 1)
    assert (minutes[-1] - minutes[0]) / items < MAX_BYTES_AN_ITEM


async def test_pain_13_a_call_over_a_socket_leaves_no_speech_in_memory() -> None:
    minutes = await run_socket(4)
    speech_bytes = 3 * TURNS_A_MINUTE * 240_000
    if resident_bytes():
        assert minutes[-1] - minutes[0] < speech_bytes / 2
