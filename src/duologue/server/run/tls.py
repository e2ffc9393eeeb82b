"""The TLS context of the server, from its certificate and key."""

from __future__ import annotations

import ssl
from os import PathLike
from pathlib import Path

from duologue.errors import DuologueError

__all__ = ["tls_context"]


def tls_context(certificate: str | PathLike[str], key: str | PathLike[str] | None = None) -> ssl.SSLContext:
    """The context for `wss`, from a certificate with its chain and its key, in PEM; one file may have both.

    Raises:
        DuologueError: a file is missing, not PEM or encrypted, or the key belongs to another certificate.
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
        # Without a password OpenSSL would ask for one on the terminal.
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
    # For a file without a key OpenSSL gives no reason.
    return _REASONS.get(fault.reason or "", "no certificate and key in PEM form, or the key is encrypted")
