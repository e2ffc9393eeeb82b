"""Keys become words."""

from __future__ import annotations

from math import inf

from duologue.telephony.key_presses import KeyPresses


def test_a_hash_ends_a_word() -> None:
    keys = KeyPresses()
    assert [keys.press(key, now=1.0) for key in "12#3"] == ["", "", "12#", ""]


def test_a_pause_of_two_seconds_ends_a_word() -> None:
    keys = KeyPresses()
    assert keys.next_tick_at == inf
    keys.press("1", now=1.0)
    keys.press("2", now=2.5)
    assert keys.tick(4.4) == ""
    assert keys.next_tick_at == 4.5
    assert keys.tick(4.5) == "12"
    assert keys.next_tick_at == inf
    assert keys.tick(9.0) == ""


def test_a_word_has_64_keys_at_most() -> None:
    keys = KeyPresses()
    words = [word for _ in range(130) if (word := keys.press("1", now=0.0))]
    assert [len(word) for word in words] == [64, 64]
