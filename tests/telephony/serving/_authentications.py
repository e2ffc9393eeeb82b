"""For each network: its authentication, what it shows when it asks how to answer a call, and when it opens a socket.

Signatures are made by the vendors' own libraries and by other implementations, where there are some.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twilio.request_validator import RequestValidator

from duologue.telephony.serving.authentication import (
    AsteriskAuthentication,
    NetworkAuthentication,
    PlivoAuthentication,
    SignalWireAuthentication,
    TelnyxAuthentication,
    TwilioAuthentication,
    VonageAuthentication,
)

__all__ = ["AUTHENTICATIONS", "FORM", "OTHER", "PUBLIC", "SIGNERS", "TOKEN", "Signed", "ticket_in", "twilio_headers"]

OTHER: Final = "another secret of 32 characters, or more"
TOKEN: Final = "a secret of thirty-two characters"
PUBLIC: Final = "https://voice.example.com"
FORM: Final = {"From": "+15550001267", "To": "+15550009999", "CallSid": "CA1", "Digits": ""}

_TELNYX: Final = Ed25519PrivateKey.generate()
_TELNYX_KEY: Final = base64.b64encode(_TELNYX.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

AUTHENTICATIONS: Final[Mapping[str, NetworkAuthentication]] = {
    "twilio": TwilioAuthentication(TOKEN),
    "signalwire": SignalWireAuthentication(TOKEN),
    "telnyx": TelnyxAuthentication(_TELNYX_KEY, TOKEN),
    "plivo": PlivoAuthentication(TOKEN),
    "vonage": VonageAuthentication(TOKEN),
    "asterisk": AsteriskAuthentication(TOKEN),
}


class Signed(NamedTuple):
    """A network's question how to answer a call."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def twilio_headers(url: str, form: Mapping[str, str] | None = None, *, token: str = TOKEN, sha256: bool = False) -> Any:
    """As Twilio's own library signs."""
    algorithm = "HMAC_SHA256" if sha256 else "HMAC_SHA1"
    signature = RequestValidator(token).compute_signature(url, form or {}, algorithm)
    settings = {"x-twilio-webhooks-signature-settings": f"key=k1,algorithm={algorithm}"} if sha256 else {}
    return {"x-twilio-signature": signature, **settings}


def _form(headers: Mapping[str, str]) -> Signed:
    typed = {"content-type": "application/x-www-form-urlencoded", **headers}
    return Signed("POST", "", typed, urlencode(FORM).encode())


def _twilio(url: str, token: str, now: float) -> Signed:
    return _form(twilio_headers(url, FORM, token=token))


def _signalwire(url: str, token: str, now: float) -> Signed:
    return _form({"x-signalwire-signature": twilio_headers(url, FORM, token=token)["x-twilio-signature"]})


def _telnyx(url: str, token: str, now: float) -> Signed:
    key = _TELNYX if token == TOKEN else Ed25519PrivateKey.generate()
    body, timestamp = urlencode(FORM).encode(), str(int(now))
    signature = base64.b64encode(key.sign(timestamp.encode() + b"|" + body)).decode()
    return _form({"telnyx-signature-ed25519": signature, "telnyx-timestamp": timestamp})


def _plivo(url: str, token: str, now: float) -> Signed:
    signed = f"{url}?{''.join(f'{name}{FORM[name]}' for name in sorted(FORM))}.12345"
    signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    return _form({"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": "12345"})


def _vonage(url: str, token: str, now: float) -> Signed:
    shown = jwt.encode({"iat": int(now), "jti": "1", "iss": "Vonage", "api_key": "a"}, token, algorithm="HS256")
    return Signed(
        "GET", urlencode({"from": "15550001267", "to": "15550009999"}), {"authorization": f"Bearer {shown}"}, b""
    )


SIGNERS: Final[Mapping[str, Callable[[str, str, float], Signed]]] = {
    "twilio": _twilio,
    "signalwire": _signalwire,
    "telnyx": _telnyx,
    "plivo": _plivo,
    "vonage": _vonage,
}
"""By network: the URL of the answer page, the secret, and the time."""


def ticket_in(page: str) -> str:
    """The ticket that an answer page gives."""
    match = re.search(r"\d{10}-[0-9a-f]{64}", page)
    assert match is not None, page
    return match[0]
