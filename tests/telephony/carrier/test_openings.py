"""What each network asks and shows, against the authentications of `duologue serve`."""

from __future__ import annotations

import pytest

from duologue.errors import SignatureRejected
from duologue.telephony.carrier.networks import CallIds
from duologue.telephony.carrier.openings import CallCredentials, answer_question, read_answer, socket_opening
from duologue.telephony.serving.answer_pages import (
    CallStream,
    WriteAnswer,
    plivo_xml,
    signalwire_xml,
    telnyx_xml,
    twilio_xml,
    vonage_ncco,
)
from duologue.telephony.serving.authentication import (
    AsteriskAuthentication,
    NetworkAuthentication,
    PlivoAuthentication,
    SignalWireAuthentication,
    TelnyxAuthentication,
    TwilioAuthentication,
    VonageAuthentication,
)
from duologue.telephony.serving.phone_requests import PhoneRequest
from duologue.telephony.signatures import verify_plivo

_NOW = 1_800_000_000.0
_SOCKET = "wss://voice.example.com/phone/x"
_PAGE = "https://voice.example.com/phone/x/answer"
_AUTHENTICATIONS: dict[str, NetworkAuthentication] = {
    "twilio": TwilioAuthentication("secret"),
    "signalwire": SignalWireAuthentication("secret"),
    "telnyx": TelnyxAuthentication("", "secret"),
    "plivo": PlivoAuthentication("secret"),
    "vonage": VonageAuthentication("secret"),
    "asterisk": AsteriskAuthentication("secret"),
    "asterisk-plain": AsteriskAuthentication("secret"),
}


def _credentials(secret: str = "secret") -> CallCredentials:
    return CallCredentials(secret=secret, now_unix_s=_NOW, nonce="0123456789abcdef")


def _request(url: str, headers: dict[str, str], *, method: str = "GET", body: bytes = b"") -> PhoneRequest:
    lower = {name.lower(): value for name, value in headers.items()}
    return PhoneRequest(method=method, url=url, headers=lower, body=body, now_unix_s=_NOW)


@pytest.mark.parametrize("name", ["twilio", "signalwire", "plivo", "vonage"])
def test_questions_are_signed_as_the_authentications_want_it(name: str) -> None:
    question = answer_question(name, _PAGE, CallIds(), _credentials())
    request = _request(question.url, dict(question.headers), method=question.method, body=question.body)
    _AUTHENTICATIONS[name].check_answer(request)
    assert {"+15550100042", "+15550100001"} <= set(request.fields.values())
    other = answer_question(name, _PAGE, CallIds(), _credentials("other"))
    with pytest.raises(SignatureRejected):
        _AUTHENTICATIONS[name].check_answer(
            _request(other.url, dict(other.headers), method=other.method, body=other.body)
        )
    unsigned = answer_question(name, _PAGE, CallIds(), _credentials(""))
    assert [*unsigned.headers] == ([] if name == "vonage" else ["Content-Type"])


@pytest.mark.parametrize("name", ["twilio", "telnyx", "vonage", "asterisk", "asterisk-plain"])
def test_sockets_show_what_the_authentications_want(name: str) -> None:
    _AUTHENTICATIONS[name].check_socket(_request(_SOCKET, socket_opening(name, _SOCKET, _credentials())))
    with pytest.raises(SignatureRejected):
        _AUTHENTICATIONS[name].check_socket(_request(_SOCKET, socket_opening(name, _SOCKET, _credentials("other"))))
    assert socket_opening(name, _SOCKET, _credentials("")) == {}


def test_a_token_of_the_page_stands_for_the_secret() -> None:
    authentication = _AUTHENTICATIONS["signalwire"]
    token = authentication.ticket(_NOW)
    authentication.check_socket(_request(_SOCKET, socket_opening("signalwire", _SOCKET, _credentials(), token=token)))
    assert socket_opening("signalwire", _SOCKET, _credentials()) == {"Authorization": "Bearer secret"}
    verify_plivo(socket_opening("plivo", _SOCKET, _credentials()), secret="secret", method="GET", url=_SOCKET)
    assert socket_opening("audiosocket", _SOCKET, _credentials()) == {}


@pytest.mark.parametrize("name", ["telnyx", "asterisk", "audiosocket"])
def test_networks_that_ask_nothing_are_called_at_their_socket(name: str) -> None:
    with pytest.raises(ValueError, match="ws or wss"):
        answer_question(name, _PAGE, CallIds(), _credentials())


@pytest.mark.parametrize(
    ("name", "write", "url", "token"),
    [
        ("twilio", twilio_xml, _SOCKET + "/t&1", ""),
        ("signalwire", signalwire_xml, _SOCKET, "t&1"),
        ("telnyx", telnyx_xml, _SOCKET + "/t&1", ""),
        ("plivo", plivo_xml, _SOCKET + "/t&1", ""),
        ("vonage", vonage_ncco, _SOCKET + "/t&1", ""),
    ],
)
def test_answer_pages_of_ours_are_read(name: str, write: WriteAnswer, url: str, token: str) -> None:
    stream = CallStream(url=_SOCKET, ticket="t&1", caller="+15550100042")
    opening = read_answer(name, write(stream).body)
    assert (opening.url, opening.token) == (url, token)
    if name in {"twilio", "signalwire", "vonage"}:
        assert opening.parameters["caller"] == "+15550100042"
    assert (opening.encoding is not None) == (name == "vonage")
    with pytest.raises(ValueError, match="the answer page"):
        read_answer(name, write(None).body)


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Response/>", b"<Response><Say>Hi</Say>", b"{}"]
)
@pytest.mark.parametrize("name", ["twilio", "vonage"])
def test_what_is_no_answer_page_says_so(name: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="the answer page"):
        read_answer(name, body)


def test_a_rate_that_no_telephone_has_is_refused() -> None:
    page = b'[{"action":"connect","endpoint":[{"uri":"wss://a","content-type":"audio/l16;rate=12345"}]}]'
    with pytest.raises(ValueError, match="12345 Hz"):
        read_answer("vonage", page)


def test_a_secret_is_not_shown() -> None:
    assert "secret'" not in repr(_credentials())
    assert "hidden" in repr(_credentials())
