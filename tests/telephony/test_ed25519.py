"""Ed25519, against another implementation and the vectors of RFC 8032."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.telephony.ed25519 import is_signed

_ORDER = 2**252 + 27742317777372353535851937790883648493


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
    ids=["empty", "one-byte"],
)
def test_the_vectors_of_the_rfc_are_signed(key: str, message: str, signature: str) -> None:
    assert is_signed(bytes.fromhex(message), signature=bytes.fromhex(signature), public_key=bytes.fromhex(key))


@settings(max_examples=20)  # each takes some milliseconds
@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32), st.integers(0, 511))
def test_what_another_implementation_signs_is_accepted_and_one_changed_bit_is_not(
    message: bytes, seed: bytes, bit: int
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    signature = private.sign(message)
    assert is_signed(message, signature=signature, public_key=_public(private))
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not is_signed(message, signature=bytes(changed), public_key=_public(private))
    assert not is_signed(message + b"!", signature=signature, public_key=_public(private))


def test_a_second_spelling_of_a_signature_is_rejected() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = private.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + _ORDER
    assert not is_signed(b"m", signature=signature[:32] + scalar.to_bytes(32, "little"), public_key=_public(private))


@pytest.mark.parametrize(
    ("signature", "key"),
    [(bytes(64), bytes(31)), (bytes(63), bytes(32)), (bytes(64), b"\xff" * 32), (b"\x02" + bytes(63), bytes(32))],
    ids=["short-key", "short-signature", "no-point", "no-commitment"],
)
def test_what_is_no_key_or_no_signature_signs_nothing(signature: bytes, key: bytes) -> None:
    assert not is_signed(b"m", signature=signature, public_key=key)
