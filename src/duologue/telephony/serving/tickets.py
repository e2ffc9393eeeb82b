"""Tickets: what an answer page gives to a carrier, and the carrier shows when it opens the socket of that call."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from duologue.errors import SignatureRejected

__all__ = ["check_ticket", "new_ticket"]

_LIFE_S: Final = 120
"""Carriers open the socket within a second; one that first plays a notice, or asks for consent, takes a minute."""

_MAX_CHARACTERS: Final = 100


def new_ticket(network: str, *, secret: str, now_unix_s: float) -> str:
    """A ticket for sockets of this network, for two minutes. It needs no memory: every process with the secret takes
    it."""
    ends_at = str(int(now_unix_s) + _LIFE_S)
    return f"{ends_at}-{_signature(network, ends_at, secret)}"


def check_ticket(ticket: str, network: str, *, secret: str, now_unix_s: float) -> None:
    """Check a ticket. Raises SignatureRejected."""
    ends_at, _, given = ticket[:_MAX_CHARACTERS].partition("-")
    expected = _signature(network, ends_at, secret)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise SignatureRejected("the ticket is none that the answer page has given")
    if not now_unix_s < int(ends_at) <= now_unix_s + _LIFE_S:
        raise SignatureRejected("the ticket is too old")


def _signature(network: str, ends_at: str, secret: str) -> str:
    signed = f"socket of a call\n{network}\n{ends_at}".encode("utf-8", "replace")
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
