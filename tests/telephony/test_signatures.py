"""Signatures of carriers and of webhooks: what is theirs passes, and nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from duologue.errors import SignatureRejected
from duologue.telephony.signatures import (
    SeenIds,
    TwilioAlgorithm,
    sign_plivo,
    sign_twilio,
    sign_vonage,
    sign_webhook,
    verify_plivo,
    verify_telnyx,
    verify_token,
    verify_twilio,
    verify_vonage,
    verify_webhook,
)

_TOKEN = "12345"
_JWT_SECRET = "a signature secret of Vonage, as long as other algorithms want it"
_STREAM = "wss://voice.example.com/phone/twilio"
_NOW = 1_790_000_000.0
_SECRET = f"whsec_{base64.b64encode(b'a secret of twenty-four b').decode()}"


def _by_twilio(url: str, parameters: Mapping[str, str] | None = None, algorithm: TwilioAlgorithm = "HMAC_SHA1") -> str:
    signature: str = RequestValidator(_TOKEN).compute_signature(url, parameters or {}, algorithm)
    return signature


def _twilio_headers(signature: str, algorithm: TwilioAlgorithm = "HMAC_SHA1") -> dict[str, str]:
    settings = {"X-Twilio-Webhooks-Signature-Settings": f"key=webhooks_sharedkey_1,algorithm={algorithm}"}
    return {"X-Twilio-Signature": signature, **(settings if algorithm != "HMAC_SHA1" else {})}


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_what_twilio_signs_is_accepted(algorithm: TwilioAlgorithm) -> None:
    for url, parameters in (
        (_STREAM, None),
        ("https://voice.example.com/answer?a=1", {"From": "+15551234567", "CallSid": "CA1", "Digits": ""}),
    ):
        headers = _twilio_headers(_by_twilio(url, parameters, algorithm), algorithm)
        verify_twilio(headers, secret=_TOKEN, url=url, parameters=parameters, algorithm=algorithm)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=5), st.text(max_size=12))
def test_forms_are_signed_as_twilio_does(parameters: dict[str, str], path: str) -> None:
    url = f"https://example.com/{path.encode().hex()}"
    assert sign_twilio(url, parameters, secret=_TOKEN) == _by_twilio(url, parameters)


def test_a_port_that_is_the_schemes_own_makes_no_difference() -> None:
    with_port = "wss://voice.example.com:443/phone/twilio"
    verify_twilio(_twilio_headers(_by_twilio(with_port)), secret=_TOKEN, url=_STREAM)
    verify_twilio(_twilio_headers(_by_twilio(_STREAM)), secret=_TOKEN, url=with_port)
    with pytest.raises(SignatureRejected):
        verify_twilio(_twilio_headers(_by_twilio(with_port.replace("443", "444"))), secret=_TOKEN, url=_STREAM)


@pytest.mark.parametrize(
    ("headers", "algorithm"),
    [
        ({}, "HMAC_SHA1"),
        (_twilio_headers(""), "HMAC_SHA1"),
        (_twilio_headers("é" * 28), "HMAC_SHA1"),
        (_twilio_headers(RequestValidator("another token").compute_signature(_STREAM, {})), "HMAC_SHA1"),
        (_twilio_headers(_by_twilio(f"{_STREAM}/")), "HMAC_SHA1"),
        (_twilio_headers(_by_twilio(_STREAM.replace("wss", "https"))), "HMAC_SHA1"),
        (_twilio_headers(_by_twilio(_STREAM)), "HMAC_SHA256"),
        (_twilio_headers(_by_twilio(_STREAM), "HMAC_SHA256"), "HMAC_SHA256"),
        (_twilio_headers(_by_twilio(_STREAM, None, "HMAC_SHA256"), "HMAC_SHA256"), "HMAC_SHA1"),
    ],
    ids="none empty not-ascii token slash scheme sha1-where-256 sha1-as-256 sha256-where-1".split(),
)
def test_what_twilio_has_not_signed_is_rejected(headers: Mapping[str, str], algorithm: TwilioAlgorithm) -> None:
    with pytest.raises(SignatureRejected):
        verify_twilio(headers, secret=_TOKEN, url=_STREAM, algorithm=algorithm)


def test_the_hash_of_a_body_counts() -> None:
    body = b'{"a":1}'
    url = f"https://voice.example.com/hook?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = _twilio_headers(_by_twilio(url))
    verify_twilio(headers, secret=_TOKEN, url=url, body=body)
    with pytest.raises(SignatureRejected):
        verify_twilio(headers, secret=_TOKEN, url=url, body=b"{}")


def test_what_plivo_signs_is_accepted_and_nothing_else() -> None:
    form, url, nonce = {"From": "1", "CallUUID": "2"}, "https://voice.example.com/answer?b=2&a=1", "12345"
    signature = sign_plivo("POST", url, form, secret=_TOKEN, nonce=nonce)
    headers = {"X-Plivo-Signature-V3": f"AAAA,{signature}", "X-Plivo-Signature-V3-Nonce": nonce}
    verify_plivo(headers, secret=_TOKEN, method="POST", url=url, parameters=form)
    for changed in (
        {"secret": "other"},
        {"url": f"{url}&c=3"},
        {"parameters": {**form, "From": "9"}},
        {"method": "GET"},
    ):
        arguments: dict[str, object] = {"secret": _TOKEN, "method": "POST", "url": url, "parameters": form, **changed}
        with pytest.raises(SignatureRejected):
            verify_plivo(headers, **arguments)  # type: ignore[arg-type]
    for missing in headers:
        with pytest.raises(SignatureRejected, match=missing.lower()):
            verify_plivo({**headers, missing: ""}, secret=_TOKEN, method="POST", url=url, parameters=form)


def test_plivo_signs_url_query_form_and_nonce_in_this_order() -> None:
    def signed(text: str) -> str:
        import hmac

        return base64.b64encode(hmac.new(b"k", text.encode(), hashlib.sha256).digest()).decode()

    url = "https://e.com/p"
    assert sign_plivo("GET", url, secret="k", nonce="n") == signed("https://e.com/p.n")
    assert sign_plivo("GET", f"{url}?b=2", {"a": "1"}, secret="k", nonce="n") == signed("https://e.com/p?a=1&b=2.n")
    assert sign_plivo("POST", url, {"b": "2", "a": "1"}, secret="k", nonce="n") == signed("https://e.com/p?a1b2.n")
    assert sign_plivo("POST", f"{url}?q=0", {"a": "1"}, secret="k", nonce="n") == signed("https://e.com/p?q=0.a1.n")


def _by_vonage(secret: str = _JWT_SECRET, algorithm: str = "HS256", **claims: object) -> dict[str, str]:
    """As another implementation writes tokens."""
    token = jwt.encode({"iat": int(_NOW), "iss": "Vonage", **claims}, secret, algorithm=algorithm)
    return {"Authorization": f"Bearer {token}"}


def test_what_vonage_signs_is_accepted_and_nothing_else() -> None:
    body = b'{"from":"1"}'
    hashed = hashlib.sha256(body).hexdigest()
    verify_vonage(_by_vonage(), secret=_JWT_SECRET, now_unix_s=_NOW)
    verify_vonage(_by_vonage(payload_hash=hashed), secret=_JWT_SECRET, now_unix_s=_NOW + 200, body=body)
    forged = jwt.encode({"iat": int(_NOW)}, "", algorithm="none")
    for headers, now, sent in (
        ({}, _NOW, b""),
        (_by_vonage("another secret, which has thirty-two"), _NOW, b""),
        (_by_vonage(algorithm="HS512"), _NOW, b""),
        ({"Authorization": f"Bearer {forged}"}, _NOW, b""),
        ({"Authorization": f"Basic {_by_vonage()['Authorization'][7:]}"}, _NOW, b""),
        (_by_vonage(), _NOW + 301, b""),
        (_by_vonage(iat="soon"), _NOW, b""),
        (_by_vonage(), _NOW, body),
        (_by_vonage(payload_hash=hashed), _NOW, b"{}"),
        ({"Authorization": "Bearer a.b.c"}, _NOW, b""),
        ({"Authorization": f"Bearer {'[' * 9_999}.{'[' * 9_999}.x"}, _NOW, b""),
    ):
        with pytest.raises(SignatureRejected):
            verify_vonage(headers, secret=_JWT_SECRET, now_unix_s=now, body=sent)


def test_a_token_of_ours_is_one_for_others() -> None:
    token = sign_vonage({"iat": int(_NOW), "iss": "Vonage"}, secret=_JWT_SECRET)
    assert jwt.decode(token, _JWT_SECRET, algorithms=["HS256"], options={"verify_iat": False})["iss"] == "Vonage"
    verify_vonage({"authorization": f"Bearer {token}"}, secret=_JWT_SECRET, now_unix_s=_NOW)
    with pytest.raises(ValueError, match="empty"):
        sign_vonage({}, secret="")


def test_what_telnyx_signs_is_accepted_and_nothing_else() -> None:
    private = Ed25519PrivateKey.generate()
    key = base64.b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    body, timestamp = b'{"data":{}}', str(int(_NOW))
    signature = base64.b64encode(private.sign(timestamp.encode() + b"|" + body)).decode()
    headers = {"Telnyx-Signature-Ed25519": signature, "Telnyx-Timestamp": timestamp}
    verify_telnyx(headers, public_key=key, body=body, now_unix_s=_NOW + 200)
    for wrong_headers, wrong_body, now in (
        ({}, body, _NOW),
        (headers, b"{}", _NOW),
        (headers, body, _NOW + 301),
        ({**headers, "Telnyx-Timestamp": "yesterday"}, body, _NOW),
        ({**headers, "Telnyx-Signature-Ed25519": "?"}, body, _NOW),
        ({**headers, "Telnyx-Timestamp": str(int(_NOW) + 1)}, body, _NOW),
    ):
        with pytest.raises(SignatureRejected):
            verify_telnyx(wrong_headers, public_key=key, body=wrong_body, now_unix_s=now)


def test_a_token_is_accepted_with_and_without_its_scheme() -> None:
    verify_token("secret", secret="secret")
    verify_token("Bearer secret", secret="secret")
    for wrong in (None, "", "Secret", "secret ", "Bearer", "Basic secret", "é"):
        with pytest.raises(SignatureRejected):
            verify_token(wrong, secret="secret")
    with pytest.raises(ValueError, match="empty"):
        verify_token("", secret="")


def test_a_webhook_is_accepted_once() -> None:
    body, timestamp = b'{"type":"realtime.call.incoming"}', str(int(_NOW))
    signature = sign_webhook("wh_1", timestamp, body, secret=_SECRET)
    headers = {"webhook-id": "wh_1", "webhook-timestamp": timestamp, "webhook-signature": f"v1,AAAA {signature}"}
    seen = SeenIds()
    assert seen.is_new(verify_webhook(headers, secret=_SECRET, body=body, now_unix_s=_NOW), now_unix_s=_NOW)
    assert not seen.is_new(verify_webhook(headers, secret=_SECRET, body=body, now_unix_s=_NOW), now_unix_s=_NOW + 299)
    assert seen.is_new("wh_1", now_unix_s=_NOW + 700)


def test_the_example_of_standard_webhooks_is_accepted() -> None:
    signature = sign_webhook(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "changed",
    [{"webhook-id": "wh_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,"}, {"webhook-signature": ""}],
    ids="id age signature none".split(),
)
def test_a_webhook_that_is_not_signed_is_rejected(changed: dict[str, str]) -> None:
    timestamp = str(int(_NOW))
    headers = {
        "webhook-id": "wh_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_webhook("wh_1", timestamp, b"{}", secret=_SECRET),
        **changed,
    }
    with pytest.raises(SignatureRejected):
        verify_webhook(headers, secret=_SECRET, body=b"{}", now_unix_s=_NOW)


def test_a_secret_that_is_none_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        sign_webhook("wh_1", "1", b"", secret="whsec_?")


def test_the_ids_of_webhooks_are_bounded() -> None:
    seen = SeenIds()
    assert all(seen.is_new(str(number), now_unix_s=_NOW) for number in range(10_100))
    assert not seen.is_new("10099", now_unix_s=_NOW)
    assert seen.is_new("0", now_unix_s=_NOW)
