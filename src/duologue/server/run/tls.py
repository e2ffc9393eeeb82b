"""The certificate with which the server shows who it is."""

from __future__ import annotations

import ssl
from os import PathLike
from pathlib import Path

from duologue.errors import DuologueError

__all__ = ["tls_context"]


def tls_context(certificate: str | PathLike[str], key: str | PathLike[str] | None = None) -> ssl.SSLContext:
    """What a server needs for `wss`: a certificate with its chain, and its key, in PEM; one file may hold both.

    Raises:
        DuologueError: a file is missing, is no PEM, is encrypted, or the two do not belong together.
    """
    for path in (certificate, key):
        if path is not None:
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as fault:
                raise DuologueError(f"cannot read {path}: {fault.strerror or fault}") from fault
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password at hand the library would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as fault:
        files = f"{certificate}" if key is None else f"{certificate} and {key}"
        raise DuologueError(f"cannot serve with {files}: {_reason(fault)}") from fault
    return context


_REASONS = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "NO_START_LINE": "no certificate and key in PEM form",
    "BAD_DECRYPT": "the key is encrypted; decrypt it first",
    "BAD_PASSWORD_READ": "the key is encrypted; decrypt it first",
}


def _reason(fault: ssl.SSLError) -> str:
    # A file without a key is reported by OpenSSL's reader alone, which has no name for it.
    return _REASONS.get(fault.reason or "", "no certificate and key in PEM form, or the key is encrypted")
