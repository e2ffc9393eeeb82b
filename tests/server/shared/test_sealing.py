"""Values are sealed for one digest and one secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.server.shared.sealing import Seal

SECRET = "0123456789abcdef" * 2
SEAL = Seal(SECRET)
DIGEST = b"d" * 32


@given(digest=st.binary(min_size=32, max_size=32), value=st.binary(max_size=200), expires_at=st.floats(0, 1e10))
def test_what_was_sealed_is_opened_with_the_same_secret(digest: bytes, value: bytes, expires_at: float) -> None:
    sealed = SEAL.seal(digest, value, expires_at=expires_at)
    assert Seal(SECRET).open(digest, sealed) == (expires_at, value)


def test_nothing_of_it_is_seen_and_no_two_are_alike() -> None:
    first, second = (SEAL.seal(DIGEST, b"instructions", expires_at=1) for _ in range(2))
    assert first != second
    assert b"instructions" not in first


@given(place=st.integers(0, 47), bit=st.integers(0, 7))
def test_no_bit_of_it_may_be_changed(place: int, bit: int) -> None:
    sealed = bytearray(SEAL.seal(DIGEST, b"instructions", expires_at=1))
    assert len(sealed) == 48
    sealed[place] ^= 1 << bit
    with pytest.raises(ValueError, match="another secret"):
        SEAL.open(DIGEST, bytes(sealed))


@pytest.mark.parametrize("length", [0, 5, 12, 20, 47])
def test_a_part_of_it_does_not_open(length: int) -> None:
    with pytest.raises(ValueError, match="another secret"):
        SEAL.open(DIGEST, SEAL.seal(DIGEST, b"instructions", expires_at=1)[:length])


def test_it_opens_neither_for_another_digest_nor_with_another_secret() -> None:
    sealed = SEAL.seal(DIGEST, b"a", expires_at=1)
    with pytest.raises(ValueError, match="another secret"):
        SEAL.open(b"e" * 32, sealed)
    with pytest.raises(ValueError, match="another secret"):
        Seal(SECRET[::-1]).open(DIGEST, sealed)


def test_names_of_owners_are_the_same_for_the_same_secret_only() -> None:
    name = SEAL.name("address 192.0.2.7")
    assert name == Seal(SECRET).name("address 192.0.2.7")
    assert name not in {SEAL.name("address 192.0.2.8"), Seal(SECRET[::-1]).name("address 192.0.2.7")}
    assert set(name) <= set("0123456789abcdef")


def test_a_secret_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Seal("x" * 31)
