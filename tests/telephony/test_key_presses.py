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
    words = [word for _ in range(300) if (word := keys.press("1", now=0.0))]
    assert [len(word) for word in words] == [64]
    assert len(keys.tick(1.0)) == 64
    assert keys.next_tick_at == inf


def test_a_key_that_is_held_down_makes_one_word_a_second() -> None:
    keys = KeyPresses()
    words = [word for number in range(100) if (word := keys.press("#", now=number / 10))]
    assert words == ["#", *["#" * 10] * 9]


def test_what_is_typed_behind_a_word_that_waits_is_another_word() -> None:
    keys = KeyPresses()
    typed = [keys.press(key, now=number / 10) for number, key in enumerate("1#2#34", start=1)]
    assert typed == ["", "1#", "", "", "", ""]
    assert keys.next_tick_at == 1.2
    assert keys.tick(1.2) == "2#"
    assert keys.next_tick_at == 2.6
    assert keys.tick(2.6) == "34"
