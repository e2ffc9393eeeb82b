"""Values that a store keeps without being able to read them."""

from __future__ import annotations

import hmac
import os
import struct
from typing import TYPE_CHECKING, Final

from duologue.errors import MissingExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["MIN_SECRET_CHARACTERS", "Seal"]

MIN_SECRET_CHARACTERS: Final = 32
"""128 bits in hexadecimal digits. Who has a copy of the store can try as many secrets as there is time for."""

_NONCE_BYTES: Final = 12
"""Of GCM: NIST SP 800-38D, section 5.2.1.1."""

_EXPIRES: Final = struct.Struct(">d")

_NAME_DIGITS: Final = 32
"""128 bits: no two names are alike by chance."""


class Seal:
    """Seals values with AES-256-GCM (NIST SP 800-38D), by a key of its own for each digest.

    A sealed value can be read, changed, kept beyond its time, or moved to another digest only with the secret. Each
    key comes from the secret by HMAC-SHA-256 and seals one value, so that no nonce is used twice with it.
    """

    def __init__(self, secret: str) -> None:
        """Raises:
        MissingExtra: the package `cryptography` is not installed.
        ValueError: the secret has fewer than `MIN_SECRET_CHARACTERS`.
        """
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as fault:
            raise MissingExtra("cryptography", extra="redis") from fault
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise ValueError(f"a secret of {MIN_SECRET_CHARACTERS} characters or more is needed")
        self._cipher = AESGCM
        self._secret = secret.encode()

    def seal(self, digest: bytes, value: bytes, *, expires_at: float) -> bytes:
        """The value, to be kept under this digest until `expires_at` in Unix seconds."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._of(digest).encrypt(nonce, _EXPIRES.pack(expires_at) + value, digest)

    def open(self, digest: bytes, sealed: bytes) -> tuple[float, bytes]:
        """When the value expires, in Unix seconds, and the value.

        Raises ValueError: another secret has sealed it, or it was changed.
        """
        from cryptography.exceptions import InvalidTag

        try:
            content = self._of(digest).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], digest)
            return _EXPIRES.unpack_from(content)[0], content[_EXPIRES.size :]
        except (InvalidTag, ValueError, struct.error) as fault:
            raise ValueError("sealed with another secret, or changed") from fault

    def name(self, owner: str) -> str:
        """Hexadecimal digits for an owner, from which the owner cannot be found out: it may be an address."""
        return self._derived(b"owner", owner.encode("utf-8", "surrogatepass")).hex()[:_NAME_DIGITS]

    def _of(self, digest: bytes) -> AESGCM:
        return self._cipher(self._derived(b"value", digest))

    def _derived(self, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self._secret, b"duologue shared 1 " + purpose + b"\0" + data, "sha256")
