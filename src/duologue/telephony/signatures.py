"""Who opened the socket, or sent the webhook: signatures of carriers, and of OpenAI's webhooks.

    verify_twilio · verify_plivo · verify_telnyx      a carrier's request
    verify_token                                      a secret that both sides know: Telnyx' and SignalWire's sockets
    verify_webhook · SeenIds                          Standard Webhooks, each handled once
    sign_twilio · sign_plivo · sign_webhook           the other side, for tests

Each `verify` returns, or raises `SignatureRejected`; the answer to the peer is 403 without a word on the reason.
Secrets are compared in constant time. Behind a proxy the application sees neither scheme nor host of the public URL:
`url` is the one that the carrier was given, not the one of the request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit, urlunsplit

import msgspec

from duologue.errors import SignatureRejected
from duologue.events.base64_text import decode_base64
from duologue.telephony.ed25519 import is_signed

__all__ = [
    "Parameters",
    "SeenIds",
    "TwilioAlgorithm",
    "sign_plivo",
    "sign_twilio",
    "sign_vonage",
    "sign_webhook",
    "verify_plivo",
    "verify_telnyx",
    "verify_token",
    "verify_twilio",
    "verify_vonage",
    "verify_webhook",
]

Parameters: TypeAlias = Mapping[str, str | Sequence[str]]
"""The fields of a form, or of a query."""

TwilioAlgorithm: TypeAlias = Literal["HMAC_SHA1", "HMAC_SHA256"]
"""The hash of the signature, by its name in the header."""

_HASHES: Final = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}

_TOLERANCE_S: Final = 300
"""How old a signed timestamp may be: what Telnyx and Standard Webhooks recommend."""

_FROM_URL_SAFE: Final = str.maketrans("-_", "+/")

_MOST_SIGNATURES: Final = 8
"""Of one request; several are sent while a secret is being replaced."""

_SEEN: Final = 10_000
"""Ids that are remembered: thirty a second for as long as a timestamp is taken."""


# --- Twilio


def sign_twilio(
    url: str, parameters: Parameters | None = None, *, secret: str, algorithm: TwilioAlgorithm = "HMAC_SHA1"
) -> str:
    """Twilio's signature on a request; a WebSocket handshake has no parameters.

    Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security
    """
    signed = url + "".join(
        name + value for name in sorted(parameters or {}) for value in sorted({*_values(parameters, name)})
    )
    return _base64(hmac.new(secret.encode(), signed.encode(), _HASHES[algorithm]).digest())


def verify_twilio(
    headers: Mapping[str, str],
    *,
    secret: str,
    url: str,
    parameters: Parameters | None = None,
    body: bytes | None = None,
    algorithm: TwilioAlgorithm = "HMAC_SHA1",
) -> None:
    """Check `X-Twilio-Signature`. `url` is as Twilio was given it: `wss://` for a stream, host and path.

    `secret` is the account's auth token; with `algorithm="HMAC_SHA256"`, that of the shared key, and a request that is
    signed with SHA-1 is rejected. `body` is that of a request without a form, whose hash is in the URL.

    Raises:
        SignatureRejected: it is not signed, or not with this secret for this URL.
    """
    given = _header(headers, "x-twilio-signature")
    if _twilio_algorithm(headers) != algorithm:
        raise SignatureRejected(f"the request is not signed with {algorithm}")
    if body is not None:
        hashes = parse_qs(urlsplit(url).query).get("bodySHA256", [""])
        _check(hashlib.sha256(body).hexdigest(), hashes[:1])
    _check(given, [sign_twilio(each, parameters, secret=secret, algorithm=algorithm) for each in _with_ports(url)])


def _twilio_algorithm(headers: Mapping[str, str]) -> str:
    settings = _lower(headers).get("x-twilio-webhooks-signature-settings", "")
    for part in settings.split(","):
        name, _, value = part.strip().partition("=")
        if name == "algorithm" and value:
            return value
    return "HMAC_SHA1"


def _with_ports(url: str) -> list[str]:
    """Twilio signs a URL with or without the port that is its scheme's own."""
    parts = urlsplit(url)
    port = {"https": 443, "wss": 443, "http": 80, "ws": 80}.get(parts.scheme)
    host = parts.netloc.removesuffix(f":{port}")
    has_other_port = ":" in host.rpartition("]")[2].rpartition("@")[2]
    if port is None or has_other_port:
        return [url]
    return [url, *(urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}"))]


# --- Plivo


def sign_plivo(method: str, url: str, parameters: Parameters | None = None, *, secret: str, nonce: str) -> str:
    """Plivo's signature V3 on a request. Source: Plivo's page on validating requests, and its library."""
    parts = urlsplit(url)
    query: dict[str, str | Sequence[str]] = dict(parse_qs(parts.query, keep_blank_values=True))
    form = dict(parameters or {}) if method.upper() == "POST" else {}
    query |= {} if method.upper() == "POST" else (parameters or {})
    asked = "&".join(f"{name}={value}" for name in sorted(query) for value in _values(query, name))
    signed = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if asked or form:
        signed += f"?{asked}"
    if asked and form:
        signed += "."
    signed += "".join(f"{name}{value}" for name in sorted(form) for value in _values(form, name))
    return _base64(hmac.new(secret.encode(), f"{signed}.{nonce}".encode(), hashlib.sha256).digest())


def verify_plivo(
    headers: Mapping[str, str], *, secret: str, method: str, url: str, parameters: Parameters | None = None
) -> None:
    """Check `X-Plivo-Signature-V3`. `secret` is the auth token; `url` is as Plivo was given it.

    Raises:
        SignatureRejected: it is not signed, or not with this secret for this URL.
    """
    nonce = _header(headers, "x-plivo-signature-v3-nonce")
    given = _header(headers, "x-plivo-signature-v3").split(",", _MOST_SIGNATURES)[:_MOST_SIGNATURES]
    _check(sign_plivo(method, url, parameters, secret=secret, nonce=nonce), [each.strip() for each in given])


# --- Telnyx


def verify_telnyx(headers: Mapping[str, str], *, public_key: str, body: bytes, now_unix_s: float) -> None:
    """Check the Ed25519 signature of a webhook. `public_key` is base64, as Telnyx' portal shows it.

    A stream is no webhook: its handshake has a token, see `verify_token`.

    Raises:
        SignatureRejected: it is not signed, not with this key, or older than five minutes.
    """
    timestamp = _header(headers, "telnyx-timestamp")
    _check_age(timestamp, now_unix_s)
    signature, key = _from_base64(_header(headers, "telnyx-signature-ed25519")), _from_base64(public_key)
    if not is_signed(timestamp.encode() + b"|" + body, signature=signature, public_key=key):
        raise SignatureRejected("the signature is not that of the key")


# --- Vonage


def sign_vonage(claims: Mapping[str, object], *, secret: str) -> str:
    """A JSON Web Token (RFC 7519) as Vonage signs its webhooks: HS256, with the account's signature secret."""
    parts = [_token_part({"typ": "JWT", "alg": "HS256"}), _token_part(claims)]
    return ".".join([*parts, _token_signature(".".join(parts), secret)])


def verify_vonage(headers: Mapping[str, str], *, secret: str, now_unix_s: float, body: bytes = b"") -> None:
    """Check the token in `Authorization` of a signed webhook. `secret` is the account's signature secret.

    A request with a body must have the body's hash in its token. Source: Vonage's page on signed webhooks.

    Raises:
        SignatureRejected: it is not signed, not with this secret, older than five minutes, or has another body.
    """
    scheme, _, token = _header(headers, "authorization").partition(" ")
    signed, _, signature = token.strip().rpartition(".")
    head, _, payload = signed.partition(".")
    if scheme.lower() != "bearer" or _from_token(head).get("alg") != "HS256":
        raise SignatureRejected("the request has no token that is signed with HS256")
    _check(_token_signature(signed, secret), [signature])
    claims = _from_token(payload)
    _check_age(str(claims.get("iat")), now_unix_s)
    if body:
        _check(hashlib.sha256(body).hexdigest(), [str(claims.get("payload_hash")).lower()])


def _token_signature(signed: str, secret: str) -> str:
    if not secret:
        raise ValueError("an empty secret protects nothing")
    return _url_safe(hmac.new(secret.encode(), _encoded(signed), hashlib.sha256).digest())


def _token_part(part: Mapping[str, object]) -> str:
    return _url_safe(msgspec.json.encode(part))


def _url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _from_token(part: str) -> dict[str, object]:
    """A part of a token as JSON; one that is none has no fields."""
    try:
        text = decode_base64(part.translate(_FROM_URL_SAFE) + "=" * (-len(part) % 4))
        return msgspec.json.decode(text, type=dict[str, object])
    except (ValueError, RecursionError, msgspec.DecodeError):
        return {}


# --- tokens


def verify_token(given: str | None, *, secret: str) -> None:
    """Check a secret that both sides know, with or without `Bearer` before it.

    Telnyx sends it as `x-telnyx-streaming-auth-token`, SignalWire as `Authorization`; for others it is in the URL or in
    a custom parameter.

    Raises:
        SignatureRejected: it is absent or another one.
        ValueError: the secret is empty, and anybody would know it.
    """
    if not secret:
        raise ValueError("an empty token protects nothing")
    scheme, _, rest = (given or "").partition(" ")
    _check(secret, [rest if scheme.lower() == "bearer" else given or ""])


# --- Standard Webhooks


def sign_webhook(webhook_id: str, timestamp: str, body: bytes, *, secret: str) -> str:
    """The value of `webhook-signature`. Source: https://www.standardwebhooks.com"""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return f"v1,{_base64(hmac.new(_webhook_key(secret), signed, hashlib.sha256).digest())}"


def verify_webhook(headers: Mapping[str, str], *, secret: str, body: bytes, now_unix_s: float) -> str:
    """Check a webhook of OpenAI, `realtime.call.incoming` for example; returns its id, for `SeenIds`.

    `secret` is what the webhook's page shows, `whsec_…`.

    Raises:
        SignatureRejected: it is not signed, not with this secret, or its time is five minutes off.
        ValueError: the secret is none.
    """
    webhook_id, timestamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    _check_age(timestamp, now_unix_s)
    given = _header(headers, "webhook-signature").split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]
    _check(sign_webhook(webhook_id, timestamp, body, secret=secret), given)
    return webhook_id


def _webhook_key(secret: str) -> bytes:
    try:
        key = decode_base64(secret.removeprefix("whsec_"))
    except ValueError:
        key = b""
    if not key:
        raise ValueError("the secret of a webhook is whsec_ and base64")
    return key


class SeenIds:
    """Webhooks that were handled: they are sent again until they are answered, sometimes also after that."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def is_new(self, webhook_id: str, *, now_unix_s: float) -> bool:
        """Whether it was not asked about before. What is so old that its signature would be rejected is forgotten."""
        while self._seen and (
            next(iter(self._seen.values())) < now_unix_s - 2 * _TOLERANCE_S or len(self._seen) > _SEEN
        ):
            self._seen.popitem(last=False)
        if webhook_id in self._seen:
            return False
        self._seen[webhook_id] = now_unix_s
        return True


# --- what they share


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _header(headers: Mapping[str, str], name: str) -> str:
    value = _lower(headers).get(name, "")
    if not value:
        raise SignatureRejected(f"the request has no {name}")
    return value


def _values(parameters: Parameters | None, name: str) -> list[str]:
    found = (parameters or {})[name]
    return [found] if isinstance(found, str) else sorted(found)


def _check(expected: str, given: Sequence[str]) -> None:
    """Whether one of those given is the expected one, in a time that does not tell how much of it was right."""
    if not any(hmac.compare_digest(_encoded(expected), _encoded(each)) for each in given):
        raise SignatureRejected("the signature is not that of the secret")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _check_age(timestamp: str, now_unix_s: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        raise SignatureRejected("the timestamp is none")
    if abs(now_unix_s - int(timestamp)) > _TOLERANCE_S:
        raise SignatureRejected(f"the timestamp is more than {_TOLERANCE_S} s off")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except ValueError:
        raise SignatureRejected("the signature or the key is no base64") from None
