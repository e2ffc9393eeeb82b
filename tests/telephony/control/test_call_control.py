"""Requests by which networks end and transfer calls, letter by letter as their documents have them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qs

import msgspec
import pytest

from duologue.audio.formats import PCMU
from duologue.telephony import (
    AsteriskControl,
    CallControl,
    PlivoControl,
    SignalWireControl,
    TelnyxControl,
    TwilioControl,
    VonageControl,
)
from duologue.telephony.codecs.leg_events import CallStarted

_CALL = CallStarted(call_id="CA1/x", encoding=PCMU)
_KEY = "k3y-of-the-account"
_PAGE = "https://voice.example.com/to?n={to}"

_CONTROLS: dict[str, CallControl] = {
    "twilio": TwilioControl(account_sid="AC1", auth_token=_KEY),
    "signalwire": SignalWireControl(
        space_url="https://own.signalwire.com/", project_id="p1", token=_KEY, transfer_url=_PAGE
    ),
    "telnyx": TelnyxControl(api_key=_KEY),
    "plivo": PlivoControl(auth_id="MA1", auth_token=_KEY, transfer_url=_PAGE),
    "vonage": VonageControl(token=_KEY),
    "asterisk": AsteriskControl(ari_url="http://127.0.0.1:8088/ari", username="duologue", password=_KEY),
}

_HANG_UP = {
    "twilio": ("POST", "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1%2Fx.json", {"Status": ["completed"]}),
    "signalwire": (
        "POST",
        "https://own.signalwire.com/api/laml/2010-04-01/Accounts/p1/Calls/CA1%2Fx.json",
        {"Status": ["completed"]},
    ),
    "telnyx": ("POST", "https://api.telnyx.com/v2/calls/CA1%2Fx/actions/hangup", {}),
    "plivo": ("DELETE", "https://api.plivo.com/v1/Account/MA1/Call/CA1%2Fx/", None),
    "vonage": ("PUT", "https://api.nexmo.com/v1/calls/CA1%2Fx", {"action": "hangup"}),
}

_TRANSFER = {
    "twilio": {"Twiml": ["<Response><Dial><Number>+15551230042</Number></Dial></Response>"]},
    "signalwire": {"Url": ["https://voice.example.com/to?n=%2B15551230042"], "Method": ["POST"]},
    "telnyx": {"to": "+15551230042"},
    "plivo": {"legs": "aleg", "aleg_url": "https://voice.example.com/to?n=%2B15551230042", "aleg_method": "POST"},
    "vonage": {
        "action": "transfer",
        "destination": {
            "type": "ncco",
            "ncco": [{"action": "connect", "endpoint": [{"type": "phone", "number": "15551230042"}]}],
        },
    },
    "asterisk": None,
}


def _body(content_type: str, body: bytes) -> object:
    if not body:
        return None
    return parse_qs(body.decode()) if content_type.endswith("urlencoded") else msgspec.json.decode(body)


@pytest.mark.parametrize("name", _HANG_UP)
def test_a_call_is_ended(name: str) -> None:
    request = _CONTROLS[name].hang_up(_CALL)
    assert request is not None
    content_type = request.headers.get("Content-Type", "")
    assert (request.method, request.url, _body(content_type, request.body)) == _HANG_UP[name]


@pytest.mark.parametrize("name", _TRANSFER)
def test_a_call_is_transferred_to_a_number(name: str) -> None:
    request = _CONTROLS[name].transfer(_CALL, "+15551230042")
    assert _body(request.headers.get("Content-Type", ""), request.body) == _TRANSFER[name]
    assert request.headers["Authorization"] in {
        f"Bearer {_KEY}",
        *(f"Basic {b64encode(f'{user}:{_KEY}'.encode()).decode()}" for user in ("AC1", "p1", "MA1", "duologue")),
    }


def test_asterisk_is_told_by_a_variable_named_after_the_dialplans_own_id() -> None:
    control = _CONTROLS["asterisk"]
    assert control.hang_up(_CALL) is None
    call = CallStarted(call_id="17.2", encoding=PCMU, parameters={"call": "17.1"})
    request = control.transfer(call, "sales")
    assert request.url == "http://127.0.0.1:8088/ari/asterisk/variable?variable=TRANSFER_17.1&value=sales"
    assert control.transfer(_CALL, "100").url.endswith("variable=TRANSFER_CA1%2Fx&value=100")


@pytest.mark.parametrize(
    ("name", "place"), [("twilio", b"%3CSip%3Esip%3Aa%40b.example%3C%2FSip%3E"), ("vonage", b'"uri":"sip:a@b.example"')]
)
def test_a_call_is_transferred_to_a_sip_address(name: str, place: bytes) -> None:
    assert place in _CONTROLS[name].transfer(_CALL, "sip:a@b.example").body


@pytest.mark.parametrize("name", _CONTROLS)
@pytest.mark.parametrize(
    "to",
    ["", "+1555 1230042", "+1555\n", "</Number><Redirect>x</Redirect>", "sip:a@b&c", "sip:a", "a,b,1", "${X}"],
)
def test_a_target_that_would_mean_more_is_refused(name: str, to: str) -> None:
    with pytest.raises(ValueError, match="a call is transferred to"):
        _CONTROLS[name].transfer(_CALL, to)


@pytest.mark.parametrize("name", sorted(set(_CONTROLS) - {"asterisk"}))
def test_a_call_without_an_id_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no id of the call"):
        _CONTROLS[name].hang_up(CallStarted(encoding=PCMU))


@pytest.mark.parametrize(
    "control",
    [
        SignalWireControl(space_url="https://x.example", project_id="p", token="t"),
        PlivoControl(auth_id="a", auth_token="t"),
    ],
)
def test_networks_that_want_a_page_say_so(control: CallControl) -> None:
    with pytest.raises(ValueError, match="transfer_url"):
        control.transfer(_CALL, "+15551230042")


@pytest.mark.parametrize("name", _CONTROLS)
def test_keys_and_numbers_stay_out_of_texts(name: str) -> None:
    control = _CONTROLS[name]
    request = control.transfer(_CALL, "+15551230042")
    shown = f"{control!r} {request!r}"
    assert _KEY not in shown
    assert b64encode(_KEY.encode()).decode()[4:-4] not in shown
    assert "15551230042" not in shown


@pytest.mark.parametrize(
    ("name", "status", "body", "is_over"),
    [
        ("twilio", 404, b'{"code":20404,"message":"not found"}', True),
        ("twilio", 400, b'{"code":21220}', True),
        ("twilio", 404, b"<html>", False),
        ("signalwire", 404, b"", True),
        ("telnyx", 422, b'{"errors":[{"code":"90018","title":"Call has already ended"}]}', True),
        ("telnyx", 422, b'{"errors":[{"code":"10005"}]}', False),
        ("telnyx", 422, b'{"errors":7}', False),
        ("telnyx", 422, b"[" * 5_000, False),
        ("plivo", 404, b'{"error":"call not found"}', True),
        ("vonage", 404, b"", True),
        ("vonage", 401, b"", False),
        ("asterisk", 404, b"", False),
    ],
)
def test_an_answer_that_the_call_is_over_is_understood(name: str, status: int, body: bytes, is_over: bool) -> None:
    assert _CONTROLS[name].is_over(status, body) is is_over
