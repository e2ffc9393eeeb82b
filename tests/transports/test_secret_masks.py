from __future__ import annotations

from base64 import b64encode

import pytest

from duologue.transports.secret_masks import SecretMask, handshake_secrets

BASIC = b64encode(b"user:open sesame").decode()


@pytest.mark.parametrize(
    ("url", "headers", "subprotocols", "said"),
    [
        ("wss://h", {"Authorization": "Bearer sk-1"}, (), "no key SK-1 here"),
        ("wss://h", {"api-key": "a+b/c&d"}, (), "a+b/c&d a%2Bb%2Fc%26d a%2Bb/c%26d a+b/c&amp;d"),
        ("wss://h", {"authorization": f"Basic {BASIC}"}, (), f"{BASIC}, which is user:open sesame or open sesame"),
        ("wss://h?token=t-t-t&model=m", {}, (), "GET /?token=t-t-t&"),
        ("wss://user:pass%20word@h", {}, (), "pass%20word or pass word"),
        ("wss://h", {}, ("realtime", "openai-insecure-api-key.ek.1.2"), "openai-insecure-api-key.ek.1.2, ek.1.2"),
        ("wss://h", {"X-Mine": "k"}, (), "k is wrong"),
    ],
)
def test_what_was_sent_is_not_repeated_in_any_spelling(
    url: str, headers: dict[str, str], subprotocols: tuple[str, ...], said: str
) -> None:
    masked = SecretMask(handshake_secrets(url, headers, subprotocols)).applied(said)
    for secret in ("sk-1", "SK-1", "a+b", "a%2B", BASIC, "sesame", "t-t-t", "word", "ek.1.2", "k is"):
        assert secret not in masked
    assert "…" in masked


def test_what_is_no_secret_stays_readable() -> None:
    mask = SecretMask(
        handshake_secrets("wss://h?model=gpt-realtime&k=x", {"OpenAI-Beta": "realtime=v1"}, ("realtime",))
    )
    said = "The model gpt-realtime needs the header realtime=v1, examples and x-rays"
    assert mask.applied(said) == said.replace(" x-", " …-")


def test_a_proxy_s_password_is_a_secret_and_a_proxy_that_is_no_url_has_none() -> None:
    assert "hush-hush" in set(handshake_secrets("wss://h", {}, proxy="http://me:hush-hush@proxy"))
    assert set(handshake_secrets("wss://h", {}, proxy="http://[proxy")) == {""}
