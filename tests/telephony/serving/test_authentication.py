"""What is a network's own is let in, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from duologue.errors import SignatureRejected
from duologue.telephony.serving.authentication import (
    AsteriskAuthentication,
    NoAuthentication,
    TelnyxAuthentication,
    TwilioAuthentication,
)
from duologue.telephony.serving.phone_requests import PhoneRequest
from tests.telephony.serving._authentications import (
    AUTHENTICATIONS,
    OTHER,
    PUBLIC,
    SIGNERS,
    TOKEN,
    Signed,
    twilio_headers,
)

_NOW = 1_790_000_000.0


def _question(name: str, signed: Signed) -> PhoneRequest:
    url = f"{PUBLIC}/phone/{name}/answer" + (f"?{signed.query}" if signed.query else "")
    return PhoneRequest(method=signed.method, url=url, headers=signed.headers, body=signed.body, now_unix_s=_NOW)


def _opening(name: str, *, headers: Mapping[str, str] | None = None, ticket: str = "") -> PhoneRequest:
    url = f"{PUBLIC.replace('https', 'wss')}/phone/{name}"
    return PhoneRequest(url=url, headers=headers or {}, ticket=ticket, now_unix_s=_NOW)


@pytest.mark.parametrize("name", SIGNERS)
def test_the_question_of_a_network_is_accepted_and_no_other(name: str) -> None:
    authentication, url = AUTHENTICATIONS[name], f"{PUBLIC}/phone/{name}/answer"
    good = _question(name, SIGNERS[name](url, TOKEN, _NOW))
    authentication.check_answer(good)
    assert good.fields.get("From", good.fields.get("from", "")).endswith("5550001267")
    wrong = {
        "unsigned": replace(good, headers={"content-type": good.headers.get("content-type", "")}),
        "another token": _question(name, SIGNERS[name](url, OTHER, _NOW)),
    }
    if name in ("twilio", "signalwire", "plivo"):
        wrong |= {
            "slash": _question(name, SIGNERS[name](f"{url}/", TOKEN, _NOW)),
            "http": _question(name, SIGNERS[name](url.replace("https", "http"), TOKEN, _NOW)),
            "another form": replace(good, body=good.body + b"&a=1"),
        }
    else:
        wrong["old"] = replace(good, now_unix_s=_NOW + 301)
    for request in wrong.values():
        with pytest.raises(SignatureRejected):
            authentication.check_answer(request)


def test_twilios_socket_is_signed_for_its_url() -> None:
    authentication, url = AUTHENTICATIONS["twilio"], "wss://voice.example.com/phone/twilio"
    authentication.check_socket(_opening("twilio", headers=twilio_headers(url)))
    wrong: tuple[dict[str, str], ...] = (
        {},
        twilio_headers(url, token="another"),
        twilio_headers(f"{url}/"),
        twilio_headers(url.replace("wss", "http")),
        twilio_headers(url.replace("wss", "https")),
        twilio_headers(url, sha256=True),
    )
    for headers in wrong:
        with pytest.raises(SignatureRejected):
            authentication.check_socket(_opening("twilio", headers=headers))
    with pytest.raises(SignatureRejected):
        authentication.check_socket(_opening("twilio", headers=twilio_headers(url), ticket="answer"))


def test_sha1_is_rejected_where_sha256_is_set() -> None:
    authentication, url = TwilioAuthentication(TOKEN, algorithm="HMAC_SHA256"), "wss://voice.example.com/phone/twilio"
    authentication.check_socket(_opening("twilio", headers=twilio_headers(url, sha256=True)))
    with pytest.raises(SignatureRejected):
        authentication.check_socket(_opening("twilio", headers=twilio_headers(url)))
    answer = f"{PUBLIC}/phone/twilio/answer"
    with pytest.raises(SignatureRejected):
        authentication.check_answer(_question("twilio", SIGNERS["twilio"](answer, TOKEN, _NOW)))


def _shown(name: str, ticket: str) -> PhoneRequest:
    if name == "signalwire":
        return _opening(name, headers={"authorization": f"Bearer {ticket}"})
    return _opening(name, ticket=ticket)


@pytest.mark.parametrize("name", ["signalwire", "telnyx", "plivo", "vonage"])
def test_a_socket_shows_the_ticket_of_its_answer_page(name: str) -> None:
    authentication = AUTHENTICATIONS[name]
    ticket = authentication.ticket(_NOW)
    authentication.check_socket(_shown(name, ticket))
    other = "plivo" if name != "plivo" else "telnyx"
    for wrong in (
        "",
        "x",
        f"{ticket}0",
        AUTHENTICATIONS[other].ticket(_NOW),
        authentication.ticket(_NOW - 121),
        f"9{ticket}",
        "-",
        "é-é",
    ):
        with pytest.raises(SignatureRejected):
            authentication.check_socket(_shown(name, wrong))


def test_telnyx_may_show_the_token_of_the_stream_instead() -> None:
    authentication = AUTHENTICATIONS["telnyx"]
    authentication.check_socket(_opening("telnyx", headers={"x-telnyx-streaming-auth-token": TOKEN}))
    for headers in ({}, {"x-telnyx-streaming-auth-token": "another"}):
        with pytest.raises(SignatureRejected):
            authentication.check_socket(_opening("telnyx", headers=headers))
    assert isinstance(authentication, TelnyxAuthentication)


def test_vonage_may_show_a_token_of_its_own_instead() -> None:
    headers = SIGNERS["vonage"]("", TOKEN, _NOW).headers
    AUTHENTICATIONS["vonage"].check_socket(_opening("vonage", headers=headers))


def test_asterisk_shows_its_password() -> None:
    def basic(text: str) -> PhoneRequest:
        return _opening("asterisk", headers={"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"})

    authentication = AsteriskAuthentication("pass:word")
    authentication.check_socket(basic("duologue:pass:word"))
    for wrong in (basic("duologue:pass"), basic("pass:word"), basic(""), _opening("asterisk")):
        with pytest.raises(SignatureRejected):
            authentication.check_socket(wrong)
    for text in ("Basic %%%", "Basic", "Bearer pass:word", "Basic //8="):
        with pytest.raises(SignatureRejected):
            authentication.check_socket(_opening("asterisk", headers={"authorization": text}))
    with pytest.raises(SignatureRejected):
        authentication.check_answer(basic("duologue:pass:word"))


def test_a_authentication_shows_no_key() -> None:
    assert [each for each in AUTHENTICATIONS.values() if TOKEN in repr(each) or TOKEN in str(each)] == []


def test_an_open_authentication_lets_everybody_in() -> None:
    NoAuthentication().check_answer(_opening("twilio"))
    NoAuthentication().check_socket(_opening("twilio"))
    assert not NoAuthentication().ticket(_NOW)


_TEXT = st.text(max_size=40)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(AUTHENTICATIONS)),
    st.dictionaries(
        st.sampled_from(
            [
                "authorization",
                "content-type",
                "x-twilio-signature",
                "x-signalwire-signature",
                "x-plivo-signature-v3",
                "x-plivo-signature-v3-nonce",
                "telnyx-signature-ed25519",
                "telnyx-timestamp",
                "x-telnyx-streaming-auth-token",
            ]
        ),
        _TEXT | _TEXT.map(lambda text: f"Bearer {text}") | _TEXT.map(lambda text: f"Bearer {text}.{text}.{text}"),
    ),
    st.binary(max_size=40),
    _TEXT,
)
def test_whatever_strangers_send_is_rejected(name: str, headers: dict[str, str], body: bytes, ticket: str) -> None:
    request = PhoneRequest(
        method="POST", url=f"{PUBLIC}/phone", headers=headers, body=body, ticket=ticket, now_unix_s=_NOW
    )
    for check in (AUTHENTICATIONS[name].check_answer, AUTHENTICATIONS[name].check_socket):
        with pytest.raises(SignatureRejected):
            check(request)
